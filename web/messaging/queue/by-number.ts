import { type Clock, isPeerId, isTokenId, type PeerId, withTimeout } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import type { Lease } from './dispatcher.ts'
import type { Live } from './live.ts'
import { type Attempt, MAX_TOKENS, readAll, readAttempt } from './messages.ts'
import { isNumber, isTime, type QueueItem } from './queue-item.ts'
import type { Replica } from './replica.ts'

/** A copy that has left for this device is here within this, or the message comes whole. */
const COPY_MS = 2_000

/** An attempt at a message that its consumer's device keeps: all that the owner says of it. */
interface Numbered {
  readonly token: number
  readonly attempts: number
  readonly from: PeerId
  readonly stream: string
  readonly number: number
  readonly order: number
}

/** Attempts on their way, by number where their receiver keeps the message: it crosses once, as a copy. */
export class AttemptsWriter {
  readonly #streams = new Map<string, number>()
  readonly #sources: Value[] = []
  readonly attempts: Value[] = []

  whole({ token, live }: Lease, item: Value): void {
    this.attempts.push([token, live.attempts, item])
  }

  numbered({ token, live }: Lease): void {
    const { source, number, order, attempts } = live
    let at = this.#streams.get(source.key)
    if (at === undefined) {
      at = this.#sources.push([source.from, source.stream]) - 1
      this.#streams.set(source.key, at)
    }
    this.attempts.push([token, attempts, at, number, order])
  }

  toWire(): { readonly attempts: Value; readonly sources: Value } {
    return { attempts: this.attempts, sources: this.#sources }
  }
}

/** Undefined for anything that {@link AttemptsWriter} does not make. */
export function readDelivery(
  row: Readonly<Record<string, unknown>>,
): readonly (Attempt | Numbered)[] | undefined {
  const sources = readAll(row['sources'], MAX_TOKENS, (pair) => {
    const [from, stream] = Array.isArray(pair) && pair.length === 2 ? (pair as readonly unknown[]) : []
    return isPeerId(from) && isTokenId(stream) ? ([from, stream] as const) : undefined
  })
  return (
    sources &&
    readAll(row['attempts'], MAX_TOKENS, (part) =>
      Array.isArray(part) && part.length === 5 ? readNumbered(part, sources) : readAttempt(part),
    )
  )
}

function readNumbered(
  part: readonly unknown[],
  sources: readonly (readonly [PeerId, string])[],
): Numbered | undefined {
  const [token, attempts, at, number, order] = part
  const source = typeof at === 'number' ? sources[at] : undefined
  if (!source || !isNumber(token) || !Number.isSafeInteger(attempts)) return undefined
  if (!isNumber(number) || !isTime(order)) return undefined
  const [from, stream] = source
  return { token, attempts: attempts as number, from, stream, number, order }
}

export function isWhole(attempt: Attempt | Numbered): attempt is Attempt {
  return 'item' in attempt
}

/** What this device keeps of the queues, for its own loops. */
export class KeptHere {
  readonly #replicas: ReadonlyMap<string, Replica>
  readonly #clock: Clock

  constructor(replicas: ReadonlyMap<string, Replica>, clock: Clock) {
    this.#replicas = replicas
    this.#clock = clock
  }

  /** Undefined where one of them is not here, and is not to be waited for. */
  async fill(
    queue: string,
    attempts: readonly (Attempt | Numbered)[],
    signal: AbortSignal,
  ): Promise<readonly Attempt[] | undefined> {
    const replica = this.#replicas.get(queue)
    if (!replica) return undefined
    replica.setReading('loops', true)
    if (!(await this.#areHere(replica, attempts, signal))) return undefined
    const filled: Attempt[] = []
    for (const attempt of attempts) {
      const one = isWhole(attempt) ? attempt : await filledFrom(replica, attempt)
      if (!one) return undefined
      filled.push(one)
    }
    return filled
  }

  /** No loop of this node takes from the queue any more. */
  release(queue: string): void {
    this.#replicas.get(queue)?.setReading('loops', false)
  }

  async #areHere(
    replica: Replica,
    attempts: readonly (Attempt | Numbered)[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const missing = () => attempts.find((one): one is Numbered => !isWhole(one) && !liveOf(replica, one))
    if (!missing()) return true
    const arrived = withTimeout(this.#clock, 'the copy', COPY_MS, signal, async (inner) => {
      for (let one = missing(); one; one = missing()) {
        // It is not on its way: it was here, and is finished.
        if (replica.sources.get(`${one.from}/${one.stream}`)?.done.has(one.number)) return false
        await replica.news.next(inner)
      }
      return true
    })
    return arrived.catch(() => {
      signal.throwIfAborted()
      return false
    })
  }
}

function liveOf(replica: Replica, { from, stream, number }: Numbered): Live | undefined {
  return replica.find(from, stream, number)
}

async function filledFrom(replica: Replica, numbered: Numbered): Promise<Attempt | undefined> {
  const { token, attempts, order } = numbered
  const live = liveOf(replica, numbered)
  const item: QueueItem | undefined = live && (await replica.itemOf(live).catch(() => undefined))
  return item && { token, attempts, item: { ...item, order } }
}

/** The consumer's answer: it has taken all of them, or none, for want of one that its device does not keep. */
export const LACKING = { isLacking: true } as const

export function isLacking(answer: unknown): boolean {
  return (
    typeof answer === 'object' && answer !== null && (answer as { isLacking?: unknown }).isLacking === true
  )
}
