import { type Clock, sleep } from '../../base/index.ts'
import { isFinal } from '../../mesh/index.ts'
import { headersWeight } from '../item.ts'
import { AttemptsWriter, isLacking } from './by-number.ts'
import type { Calls } from './calls.ts'
import type { Consumer, Lease } from './dispatcher.ts'
import type { Epoch } from './epoch.ts'
import type { Live } from './live.ts'
import { headToWire, MAX_TOKENS, METHOD_DELIVER } from './messages.ts'
import { itemToWire } from './queue-item.ts'
import type { Replica } from './replica.ts'

const REQUEST_MS = 5_000
const RETRY_MS = 500
/** Bodies of one request to a consumer. */
const DELIVER_BYTES = 256 * 1024

/** Of an attempt by number. */
const NUMBERED_BYTES = 32

export interface OutgoingPorts {
  /** The consumer's own device keeps it, or its copy has left for there: it need not cross again. */
  readonly hasCopy: (live: Live) => boolean
  /** It is finished by now, this disk no longer has it whole, or its consumer cannot read it. */
  readonly onUndelivered: (lease: Lease) => void
}

/** What goes to a consumer at once: the first `count` that wait. */
interface Batch {
  readonly writer: AttemptsWriter
  readonly bytes: number
  readonly count: number
}

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
  readonly #ports: OutgoingPorts
  #waiting: Lease[] = []
  #isRunning = false
  isClosed = false

  constructor(
    replica: Replica,
    epoch: Epoch,
    calls: Calls,
    clock: Clock,
    consumer: Consumer,
    ports: OutgoingPorts,
  ) {
    this.#replica = replica
    this.#epoch = epoch
    this.#calls = calls
    this.#clock = clock
    this.#consumer = consumer
    this.#ports = ports
  }

  push(leases: readonly Lease[]): void {
    this.#waiting.push(...leases)
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    let singly = 0
    let isWhole = false
    while (this.#waiting.length > 0 && !this.isClosed) {
      const batch = await this.#next(singly > 0 ? 1 : MAX_TOKENS, isWhole)
      const { count } = batch
      const answer = batch.writer.attempts.length === 0 ? 'taken' : await this.#send(batch)
      isWhole = answer === 'lacking'
      if (isWhole) continue
      if (answer === 'refused' && count > 1) {
        // One of them is nothing to this consumer, and the others must not go with it.
        singly = count
        continue
      }
      const [first] = this.#waiting.splice(0, count)
      if (answer === 'refused' && first) this.#ports.onUndelivered(first)
      singly = Math.max(0, singly - count)
    }
    this.#isRunning = false
  }

  /** `isWhole`: the consumer's device does not keep what it should. */
  async #next(most: number, isWhole: boolean): Promise<Batch> {
    const { hasCopy, onUndelivered } = this.#ports
    const writer = new AttemptsWriter()
    let bytes = 0
    let count = 0
    for (const lease of this.#waiting) {
      const { live } = lease
      const isNumbered = !isWhole && isUnfinished(live) && hasCopy(live)
      const weight = isNumbered ? NUMBERED_BYTES : live.size + headersWeight(live.headers)
      if (count > 0 && (bytes + weight > DELIVER_BYTES || count >= most)) break
      count++
      if (isNumbered) writer.numbered(lease)
      else {
        const item = isUnfinished(live) ? await this.#replica.itemOf(live).catch(() => undefined) : undefined
        if (!item) {
          onUndelivered(lease)
          continue
        }
        writer.whole(lease, itemToWire(item))
      }
      bytes += weight
    }
    return { writer, bytes, count }
  }

  async #send({ writer, bytes }: Batch): Promise<'taken' | 'lacking' | 'refused'> {
    const { spec } = this.#consumer
    const body = { ...headToWire(this.#replica.queue, this.#epoch), consumer: spec.id, ...writer.toWire() }
    while (!this.isClosed) {
      try {
        const options = { timeoutMs: REQUEST_MS, bytes }
        const answer = await this.#calls.request(spec.peer, METHOD_DELIVER, body, options)
        return isLacking(answer) ? 'lacking' : 'taken'
      } catch (error) {
        if (isFinal(error)) return 'refused'
        // While the owner counts on this consumer, it tries again.
        await sleep(this.#clock, RETRY_MS)
      }
    }
    return 'taken'
  }
}

function isUnfinished(live: Live): boolean {
  return live.source.live.get(live.number) === live
}
