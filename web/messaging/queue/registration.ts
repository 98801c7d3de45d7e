import { type Clock, isCount, isRecord, sleep } from '../../base/index.ts'
import { isFinal } from '../../mesh/index.ts'
import { refusalOf } from '../errors.ts'
import type { Calls } from './calls.ts'
import { isSameReign, type Reign } from './epoch.ts'
import type { Granted, Held } from './held.ts'
import { headToWire, MAX_TOKENS, METHOD_CONSUME } from './messages.ts'
import type { Ownership } from './ownership.ts'
import type { QueueSettings } from './settings.ts'

const REQUEST_MS = 10_000
const RETRY_MS = 1_000

/** How a consumer wants to be fed. */
export interface Wishes {
  readonly window: number
  readonly priority: number
  readonly isExclusive: boolean
  readonly selector: string
}

export interface RegistrationPorts {
  readonly calls: Calls
  readonly clock: Clock
  readonly ownership: Ownership
  /** What is held from before: the owner grants what nobody else has by now. Tokens of an earlier reign mean nothing now. */
  readonly begin: () => readonly Held[]
  /** By priority: the highest order that has come. Of messages that stay, nothing up to it comes again. */
  readonly seen: () => readonly number[]
  readonly onGranted: (claimed: readonly Held[], reign: Reign, granted: Granted) => void
  /** The queue is not what was asked for: it will never do. */
  readonly onRefused: (reason: unknown) => void
}

/** A consumer's place with whoever owns its queue, taken again whenever that changes. */
export class Registration {
  readonly #id: string
  readonly #queue: string
  readonly #settings: Partial<QueueSettings>
  readonly #wishes: Wishes
  readonly #ports: RegistrationPorts
  readonly #signal: AbortSignal
  #reign: Reign | undefined
  #isConfirmed = false
  /** Each registration has a name of its own: what was on its way to the one before is not for this one. */
  #count = 0
  /** Looks whether it is still registered. */
  #poke: (() => void) | undefined

  constructor(
    id: string,
    queue: string,
    settings: Partial<QueueSettings>,
    wishes: Wishes,
    ports: RegistrationPorts,
    signal: AbortSignal,
  ) {
    this.#id = id
    this.#queue = queue
    this.#settings = settings
    this.#wishes = wishes
    this.#ports = ports
    this.#signal = signal
    void this.#stay()
  }

  get name(): string {
    return `${this.#id}.${this.#count}`
  }

  /** The reign that was asked last, whether it has answered or not. */
  get reign(): Reign | undefined {
    return this.#reign
  }

  /** The reign that knows this consumer. */
  get confirmed(): Reign | undefined {
    return this.#isConfirmed ? this.#reign : undefined
  }

  /** It has forgotten this consumer, or is none any more. */
  again(): void {
    this.#isConfirmed = false
    this.#poke?.()
  }

  async #stay(): Promise<void> {
    const { ownership, clock, onRefused } = this.#ports
    const signal = this.#signal
    let isChecked = false
    while (!signal.aborted) {
      try {
        const known = isChecked ? ownership.reignOf(this.#queue) : undefined
        const reign = known ?? (await ownership.open(this.#queue, this.#settings, signal))
        isChecked = true
        if (!isSameReign(reign, this.confirmed)) await this.#register(reign)
        await this.#changed()
      } catch (error) {
        if (isFinal(error) || (error as { code?: unknown }).code === 'queue-full') onRefused(refusalOf(error))
        await sleep(clock, RETRY_MS, signal).catch(() => {
          // The loop ends.
        })
      }
    }
  }

  /** Resolves when who owns the queue has changed, or the owner does not know this consumer. */
  #changed(): Promise<void> {
    const { ownership } = this.#ports
    const signal = this.#signal
    return new Promise((resolve) => {
      const look = () => {
        if (signal.aborted || !isSameReign(ownership.reignOf(this.#queue), this.confirmed)) done()
      }
      const done = () => {
        stop()
        signal.removeEventListener('abort', done)
        this.#poke = undefined
        resolve()
      }
      const stop = ownership.onChange(look)
      this.#poke = look
      signal.addEventListener('abort', done, { once: true })
      look()
    })
  }

  async #register(reign: Reign): Promise<void> {
    const { calls, begin, seen, onGranted } = this.#ports
    this.#isConfirmed = false
    this.#reign = reign
    const replaces = this.name
    this.#count++
    const claimed = begin()
    const claims = claimed.map(({ attempt: { item } }) => [item.from, item.stream, item.number])
    const body = {
      ...headToWire(this.#queue, reign.epoch),
      ...{
        consumer: this.name,
        ...this.#wishes,
        replaces,
        seen: seen(),
        claims: claims.slice(0, MAX_TOKENS),
      },
    }
    const options = { timeoutMs: REQUEST_MS, signal: this.#signal }
    const answer = await calls.request(reign.owner, METHOD_CONSUME, body, options)
    this.#isConfirmed = true
    onGranted(claimed, reign, readGranted(answer))
  }
}

function readGranted(answer: unknown): Granted {
  const granted = new Map<number, number>()
  const pairs: readonly unknown[] =
    isRecord(answer) && Array.isArray(answer['granted']) ? answer['granted'] : []
  for (const pair of pairs)
    if (Array.isArray(pair) && isCount(pair[0]) && isCount(pair[1])) granted.set(pair[0], pair[1])
  return granted
}
