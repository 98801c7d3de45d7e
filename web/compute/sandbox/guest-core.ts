import { forEachRecord } from '../../data/index.ts'
import { decodeValue } from '../../wire/index.ts'
import type { FoldContext, FoldFunction, MapContext, MapFunction } from '../job.ts'
import { decodeLists, encodeLists, encodePairs, type Pair } from './bucket.ts'
import { checkCombine } from './combine-check.ts'
import { Counters } from './counters.ts'
import { faultOf, mebibytes, recordText, TaskFault } from './fault.ts'
import { Grouping } from './grouping.ts'
import { type Key, sortKeys } from './keys.ts'
import type { GuestFault, GuestResult, GuestTask } from './port.ts'
import { Lateness, OVERLAP, type Turn, Turns } from './turns.ts'

/** A job's functions, compiled. */
export interface JobFunctions {
  readonly map: MapFunction
  readonly combine?: FoldFunction
  readonly reduce?: FoldFunction
}

export type TaskOutcome =
  | { readonly result: GuestResult; readonly fault?: undefined }
  | { readonly fault: GuestFault; readonly result?: undefined }

/** What a task needs of the place where it runs. */
export interface TaskPlace {
  /** Resolves when nothing runs any more of what the task has begun; with the fault that this has come to, if any. */
  settle(): Promise<GuestFault | undefined>
  /** The functions made anew, for another pass; a fault where the pass before has left something behind. */
  again(): JobFunctions | GuestFault
}

type MapTask = Extract<GuestTask, { kind: 'map' }>
type ReduceTask = Extract<GuestTask, { kind: 'reduce' }>

/** How a task is gone through once; most need no more than the first way. */
interface Way {
  /** Every value is encoded when it is emitted, to find the record of one that cannot be. */
  readonly isChecked: boolean
  /** Every call has a context of its own. */
  readonly isExact: boolean
}

/**
 * Runs one task. Never rejects: what user code throws is in the outcome. Records go one after another, and a function
 * that returns a promise is awaited before the next; one that does not costs no turn of the event loop.
 */
export async function runTask(
  functions: JobFunctions,
  task: GuestTask,
  place: TaskPlace,
): Promise<TaskOutcome> {
  const goThrough = (made: JobFunctions, way: Way) =>
    task.kind === 'map' ? mapOnce(made, task, place, way) : reduceOnce(made, task, place, way)
  const goAgain = async (way: Way) => {
    const again = place.again()
    return 'code' in again ? { fault: again } : ((await goThrough(again, way)) as TaskOutcome)
  }
  const way = { isChecked: false, isExact: Object.values(functions).some(isAsync) }
  const first = (await goThrough(functions, way)) ?? (await goAgain({ ...way, isExact: true }))
  // The value that cannot travel is known only when buckets are encoded; a second run checks each and finds its record.
  if (task.kind === 'reduce' || first.fault?.code !== 'bad-value' || first.fault.record !== undefined)
    return first
  const second = await goAgain({ isChecked: true, isExact: true })
  return second.fault?.record === undefined ? first : second
}

/** Undefined when calls overlap that must not share a context. */
async function mapOnce(
  functions: JobFunctions,
  task: MapTask,
  place: TaskPlace,
  { isChecked, isExact }: Way,
): Promise<TaskOutcome | undefined> {
  const { map, combine } = functions
  const counters = new Counters()
  const lateness = new Lateness()
  const params = decodeValue(new Uint8Array(task.params))
  const folds = foldTurns('combine', counters, lateness, params, isExact)
  const grouping = new Grouping(
    combine && ((key, values) => inTurn(folds, (ctx) => combine(key, values, ctx))),
    task.maxOutputBytes,
    isChecked,
  )
  const turns = new Turns<MapContext>((isOpen) => {
    const count = counting('map', isOpen, counters, lateness)
    const emit = (key: Key, value: unknown) => {
      if (isOpen()) grouping.emit(key, value)
      else lateness.report('emit', 'map')
    }
    return Object.freeze({ emit, count, params })
  }, isExact)
  let record: unknown
  let recordsRead = 0
  let isReading = true
  function visit(next: unknown): void | Promise<void> {
    record = next
    recordsRead++
    const turn = turns.open()
    const returned = map(next, turn.context)
    if (isPromise(returned)) return finishRecord(turn, returned)
    turn.isOpen = false
    if (grouping.isCrowded) return grouping.foldEarly()
  }
  async function finishRecord(turn: Turn<MapContext>, returned: PromiseLike<unknown>): Promise<void> {
    turns.onPromise(returned)
    await returned
    turn.isOpen = false
    if (grouping.isCrowded) await grouping.foldEarly()
  }
  async function work(): Promise<TaskOutcome> {
    await forEachRecord(new Uint8Array(task.bytes), task.format, visit)
    isReading = false
    const buckets = await grouping.buckets(task.partitions)
    const { sample } = grouping
    if (combine && sample) {
      const ctx = Object.freeze({ count: () => undefined, params })
      await checkCombine((key, values) => combine(key, values, ctx), ...sample)
    }
    const left = await place.settle()
    const fault = lateness.fault?.fault ?? left
    if (fault) return { fault }
    const longest = functions.reduce ? undefined : grouping.longest
    const result = { buckets, recordsRead, counters: counters.toObject() }
    return { result: longest ? { ...result, longest } : result }
  }
  return endingAsFault(work, place, () => (isReading && recordsRead > 0 ? recordText(record) : undefined))
}

/** Undefined when calls overlap that must not share a context. */
async function reduceOnce(
  { reduce }: JobFunctions,
  task: ReduceTask,
  place: TaskPlace,
  { isExact }: Way,
): Promise<TaskOutcome | undefined> {
  const counters = new Counters()
  const lateness = new Lateness()
  const params = decodeValue(new Uint8Array(task.params))
  const turns = foldTurns('reduce', counters, lateness, params, isExact)
  let current: Key | undefined
  async function work(): Promise<TaskOutcome> {
    const groups = mergeBuckets(task.buckets)
    const pairs: [Key, unknown][] = []
    for (const key of sortKeys([...groups.keys()])) {
      current = key
      const values = groups.get(key) as unknown[]
      const reduced = reduce ? inTurn(turns, (ctx) => reduce(key, values, ctx)) : values
      pairs.push([key, isPromise(reduced) ? await reduced : reduced])
    }
    current = undefined
    const bucket = encodeResult(pairs, task.maxOutputBytes, reduce === undefined)
    const left = await place.settle()
    const fault = lateness.fault?.fault ?? left
    if (fault) return { fault }
    return { result: { buckets: [bucket], recordsRead: groups.size, counters: counters.toObject() } }
  }
  return endingAsFault(work, place, () => (current === undefined ? undefined : recordText(current)))
}

/** What ends before its time leaves nothing running either. */
async function endingAsFault(
  work: () => Promise<TaskOutcome>,
  place: TaskPlace,
  recordNow: () => string | undefined,
): Promise<TaskOutcome | undefined> {
  try {
    return await work()
  } catch (error) {
    const record = recordNow()
    await place.settle()
    return error === OVERLAP ? undefined : { fault: faultOf(error, record) }
  }
}

function foldTurns(
  name: string,
  counters: Counters,
  lateness: Lateness,
  params: unknown,
  isExact: boolean,
): Turns<FoldContext> {
  const create = (isOpen: () => boolean) =>
    Object.freeze({ count: counting(name, isOpen, counters, lateness), params })
  return new Turns<FoldContext>(create, isExact)
}

function counting(name: string, isOpen: () => boolean, counters: Counters, lateness: Lateness) {
  return (counter: string, n: number = 1) => {
    if (isOpen()) counters.add(counter, n)
    else lateness.report('count', name)
  }
}

/** The call's own value, or a promise of it. */
function inTurn<C>(turns: Turns<C>, call: (context: C) => unknown): unknown {
  const turn = turns.open()
  const returned = call(turn.context)
  if (isPromise(returned)) return settled(turns, turn, returned)
  turn.isOpen = false
  return returned
}

async function settled<C>(turns: Turns<C>, turn: Turn<C>, returned: PromiseLike<unknown>): Promise<unknown> {
  turns.onPromise(returned)
  const value = await returned
  turn.isOpen = false
  return value
}

/** Values of a key stay in the order of the buckets, which is the order of the shards. */
function mergeBuckets(buckets: readonly ArrayBuffer[]): Map<Key, unknown[]> {
  const groups = new Map<Key, unknown[]>()
  for (const bucket of buckets) {
    for (const [key, values] of decodeLists(bucket)) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, values)
      else for (const value of values) group.push(value)
    }
  }
  return groups
}

/** Without a reduce the values are lists, each as long as the result may be. */
function encodeResult(pairs: readonly Pair[], maxBytes: number, areLists: boolean): ArrayBuffer {
  const encode = areLists
    ? (lists: readonly Pair[]) => encodeLists(lists as readonly Pair<readonly unknown[]>[])
    : encodePairs
  let bytes: ArrayBuffer
  try {
    bytes = encode(pairs)
  } catch (error) {
    throw badPair(pairs, encode) ?? error
  }
  if (bytes.byteLength > maxBytes) {
    const size = `${bytes.byteLength} bytes, where ${mebibytes(maxBytes)} are the most`
    throw new TaskFault('output-too-large', `the result of this task has ${size}`)
  }
  return bytes
}

function badPair(
  pairs: readonly Pair[],
  encode: (pairs: readonly Pair[]) => ArrayBuffer,
): TaskFault | undefined {
  for (const pair of pairs) {
    try {
      encode([pair])
    } catch (error) {
      const why = error instanceof Error ? error.message : 'it cannot be encoded'
      return new TaskFault('bad-value', `the value of key ${recordText(pair[0])} cannot travel: ${why}`, {
        record: recordText(pair[0]),
      })
    }
  }
  return undefined
}

function isAsync(given: unknown): boolean {
  return Object.prototype.toString.call(given) === '[object AsyncFunction]'
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
