import { type Clock, sleep } from '../../base/index.ts'
import { isFinal } from '../../mesh/index.ts'
import type { Value } from '../../wire/index.ts'
import { headersWeight } from '../item.ts'
import type { Calls } from './calls.ts'
import type { Consumer, Lease } from './dispatcher.ts'
import type { Epoch } from './epoch.ts'
import { headToWire, MAX_TOKENS, METHOD_DELIVER } from './messages.ts'
import { itemToWire } from './queue-item.ts'
import type { Replica } from './replica.ts'

const REQUEST_MS = 5_000
const RETRY_MS = 500
/** Bodies of one request to a consumer. */
const DELIVER_BYTES = 256 * 1024

/**
 * Brings attempts to one consumer, in order, again after a link broke: a message that got lost on its way would wait for
 * ever with a consumer that does not know of it. The consumer knows by the token what it has.
 */
export class Outgoing {
  readonly #replica: Replica
  readonly #epoch: Epoch
  readonly #calls: Calls
  readonly #clock: Clock
  readonly #consumer: Consumer
  readonly #onDamaged: (lease: Lease) => void
  #waiting: Lease[] = []
  #isRunning = false
  isClosed = false

  /** `onDamaged` is told of an attempt whose body this disk no longer has whole, or that its consumer cannot read. */
  constructor(
    replica: Replica,
    epoch: Epoch,
    calls: Calls,
    clock: Clock,
    consumer: Consumer,
    onDamaged: (lease: Lease) => void,
  ) {
    this.#replica = replica
    this.#epoch = epoch
    this.#calls = calls
    this.#clock = clock
    this.#consumer = consumer
    this.#onDamaged = onDamaged
  }

  push(leases: readonly Lease[]): void {
    this.#waiting.push(...leases)
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    let singly = 0
    while (this.#waiting.length > 0 && !this.isClosed) {
      const { attempts, bytes, count } = await this.#next(singly > 0 ? 1 : MAX_TOKENS)
      const isTaken = attempts.length === 0 || (await this.#send(attempts, bytes))
      if (!isTaken && count > 1) {
        // One of them is nothing to this consumer, and the others must not go with it.
        singly = count
        continue
      }
      const [first] = this.#waiting.splice(0, count)
      if (!isTaken && first) this.#onDamaged(first)
      singly = Math.max(0, singly - count)
    }
    this.#isRunning = false
  }

  async #next(
    most: number,
  ): Promise<{ readonly attempts: Value[]; readonly bytes: number; readonly count: number }> {
    const attempts: Value[] = []
    let bytes = 0
    let count = 0
    for (const lease of this.#waiting) {
      const { token, live } = lease
      const weight = live.size + headersWeight(live.headers)
      if (count > 0 && (bytes + weight > DELIVER_BYTES || count >= most)) break
      count++
      const item = await this.#replica.itemOf(live).catch(() => undefined)
      if (item) {
        attempts.push([token, live.attempts, itemToWire(item)])
        bytes += weight
      } else this.#onDamaged(lease)
    }
    return { attempts, bytes, count }
  }

  /** False where the consumer refuses it for good. */
  async #send(attempts: readonly Value[], bytes: number): Promise<boolean> {
    const { spec } = this.#consumer
    const body = { ...headToWire(this.#replica.queue, this.#epoch), consumer: spec.id, attempts }
    while (!this.isClosed) {
      try {
        await this.#calls.request(spec.peer, METHOD_DELIVER, body, { timeoutMs: REQUEST_MS, bytes })
        return true
      } catch (error) {
        if (isFinal(error)) return false
        // While the owner counts on this consumer, it tries again.
        await sleep(this.#clock, RETRY_MS)
      }
    }
    return true
  }
}
