import { encodeValue, MAX_FRAME_BYTES, type Value } from '../../wire/index.ts'
import { encodeLists } from './bucket.ts'
import { mebibytes, recordText, TaskFault } from './fault.ts'
import { isKey, type Key, partitionOf, sortKeys } from './keys.ts'
import { type LongestList, longestOf } from './longest.ts'

/**
 * Values held before the combiner runs early: so few that they die young, which takes a fifth off a job that counts.
 * Depends on what was emitted only, so that every attempt folds alike.
 */
const CROWD = 4_096

type Combine = (key: Key, values: unknown[]) => unknown

/** The output of one map task: values by key, combined, and cut into one bucket for each partition. */
export class Grouping {
  /** True when {@link foldEarly} should run before the next record. */
  isCrowded = false
  readonly #groups = new Map<Key, unknown[]>()
  readonly #combine: Combine | undefined
  readonly #maxBytes: number
  readonly #isChecked: boolean
  #held = 0
  #crowd = CROWD
  /** No fewer bytes than this will the output have. */
  #leastBytes = 0
  #broken: unknown

  /** `isChecked`: every value is encoded when it is emitted, to find the one that cannot be. */
  constructor(combine: Combine | undefined, maxBytes: number, isChecked: boolean) {
    this.#combine = combine
    this.#maxBytes = maxBytes
    this.#isChecked = isChecked
  }

  /**
   * The value belongs to the job from now on: changing it later changes what is sent. What breaks off here, at the end of the
   * stack above all, fails the task even where user code catches it: nobody can say whether the value is in.
   */
  emit(key: Key, value: unknown): void {
    let isPut: boolean
    try {
      isPut = this.#put(key, value)
    } catch (error) {
      this.#broken ??= error
      throw error
    }
    if (!isPut) throw new TaskFault('bad-key', `a key is a string or a finite number, not ${describe(key)}`)
  }

  /** Runs the combiner over what is held; does nothing without one. */
  foldEarly(): void | Promise<void> {
    this.isCrowded = false
    if (this.#combine === undefined) {
      this.#crowd = Number.POSITIVE_INFINITY
      return
    }
    const folded = this.#fold(2)
    return folded ? folded.then(() => this.#recount()) : this.#recount()
  }

  /** A key with its combined value, once the groups are folded. */
  get sample(): readonly [Key, unknown] | undefined {
    for (const [key, values] of this.#groups) return [key, values[0]]
    return undefined
  }

  /** The longest list of values, as far as it can be told. */
  get longest(): LongestList | undefined {
    return longestOf(this.#groups)
  }

  /** Ends the grouping; gives the encoded buckets, keys in order. */
  async buckets(partitions: number): Promise<ArrayBuffer[]> {
    if (this.#broken !== undefined) throw this.#broken
    await this.#fold(1)
    const parts: [Key, unknown[]][][] = Array.from({ length: partitions }, () => [])
    for (const key of sortKeys([...this.#groups.keys()])) {
      parts[partitionOf(key, partitions)]?.push([key, this.#groups.get(key) as unknown[]])
    }
    return this.#encode(parts)
  }

  /** False, and nothing done, for what is no key. */
  #put(key: Key, value: unknown): boolean {
    const group = this.#groups.get(key)
    if (group !== undefined) group.push(value)
    else if (isKey(key)) this.#open(key, value)
    else return false
    if (this.#isChecked || typeof value === 'function' || typeof value === 'symbol') checkValue(key, value)
    if (this.#combine === undefined) this.#weigh(key, value)
    if (++this.#held >= this.#crowd) this.isCrowded = true
    return true
  }

  #open(key: Key, value: unknown): void {
    this.#leastBytes += typeof key === 'string' ? key.length : 1
    this.#groups.set(key === 0 ? 0 : key, [value])
  }

  #weigh(key: Key, value: unknown): void {
    const bytes =
      typeof value === 'string' ? value.length + 1 : ArrayBuffer.isView(value) ? value.byteLength : 1
    if (bytes > MAX_FRAME_BYTES) checkValue(key, value)
    this.#leastBytes += bytes
    if (this.#leastBytes > this.#maxBytes) this.#refuse()
  }

  /** Combines each group of at least `least` values; a promise only if the combiner gives one. */
  #fold(least: number): Promise<void> | undefined {
    const combine = this.#combine
    if (combine === undefined) return undefined
    const groups = this.#groups.entries()
    for (const [key, values] of groups) {
      if (values.length < least) continue
      const combined = combineOne(combine, key, values)
      if (combined instanceof Promise) return this.#foldRest(groups, least, key, combined)
      this.#groups.set(key, [combined])
    }
    return undefined
  }

  async #foldRest(
    rest: Iterable<[Key, unknown[]]>,
    least: number,
    first: Key,
    combined: Promise<unknown>,
  ): Promise<void> {
    this.#groups.set(first, [await combined])
    for (const [key, values] of rest) {
      if (values.length >= least)
        this.#groups.set(key, [await combineOne(this.#combine as Combine, key, values)])
    }
  }

  /** Where keys are many folding frees little: the next time comes when each has three more values on the average. */
  #recount(): void {
    this.#held = this.#groups.size
    this.#crowd = Math.max(CROWD, 4 * this.#held)
    if (this.#leastBytes > this.#maxBytes) this.#refuse()
  }

  #encode(parts: readonly [Key, unknown[]][][]): ArrayBuffer[] {
    let left = this.#maxBytes
    return parts.map((groups) => {
      const bucket = encodeOrBlame(groups)
      left -= bucket.byteLength
      if (left < 0) this.#refuse()
      return bucket
    })
  }

  #refuse(): never {
    const { longest } = this
    const which = longest ? `: most values (${longest.values}) are of key ${recordText(longest.key)}` : ''
    throw new TaskFault(
      'output-too-large',
      `the output of this task is larger than ${mebibytes(this.#maxBytes)}${which}`,
    )
  }
}

function combineOne(combine: Combine, key: Key, values: unknown[]): unknown {
  try {
    return combine(key, values)
  } catch (error) {
    throw blame(error, key)
  }
}

/** Keeps the thrown error's text and stack, and names the key instead of a record. */
function blame(error: unknown, key: Key): unknown {
  if (error instanceof TaskFault || !(error instanceof Error)) return error
  return new TaskFault('threw', `${error.name}: ${error.message}`, {
    record: recordText(key),
    ...(error.stack === undefined ? {} : { stack: error.stack.slice(0, 4000) }),
  })
}

function encodeOrBlame(groups: [Key, unknown[]][]): ArrayBuffer {
  try {
    return encodeLists(groups)
  } catch {
    // Which value it was is what the caller wants to hear, and encoding one by one tells.
    for (const [key, values] of groups) for (const value of values) checkValue(key, value)
    throw new TaskFault('bad-value', 'the output of this task cannot be encoded')
  }
}

/** As it stands in a bucket: key and list take bytes and depth too. */
function checkValue(key: Key, value: unknown): void {
  try {
    encodeValue([key, [value]] as Value)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new TaskFault('bad-value', `the value of key ${recordText(key)} cannot travel: ${why}`)
  }
}

function describe(key: unknown): string {
  if (typeof key === 'string') return 'a string with half a surrogate pair'
  if (typeof key === 'number') return String(key)
  return key === null ? 'null' : Array.isArray(key) ? 'an array' : `a value of type ${typeof key}`
}
