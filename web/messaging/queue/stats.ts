import { isCount, isPeerId, isRecord, type PeerId } from '../../base/index.ts'
import { MAX_COPIES } from '../level.ts'
import { readAll } from './messages.ts'
import { type QueueSettings, readSettings } from './settings.ts'

/** Consumers that are named one by one. */
export const MAX_LISTED = 100
const MAX_ID = 64
const MAX_SELECTOR = 10_000

/** What a queue has, and what became of what it had since its owner began. */
export interface QueueCounts {
  readonly messages: number
  readonly bytes: number
  readonly ready: number
  /** Given to a consumer, in work or waiting for its loop. */
  readonly delivering: number
  /** Of those: what only waits for its consumer's loop, as of the last word of that consumer (10 s at most). */
  readonly prefetched: number
  /** For how long the oldest that is ready has been on its way, by its sender's clock; 0 where none is. */
  readonly oldestMs: number
  readonly scheduled: number
  readonly consumers: number
  readonly added: number
  readonly delivered: number
  readonly acked: number
  readonly failed: number
  readonly expired: number
  readonly dead: number
  /** Dead or expired, and the queue that they should go to refuses them for good: `purge` removes them. */
  readonly stuck: number
  /** Transactions that are taken for aborted, since the queue that keeps their decision has been gone for 10 minutes. */
  readonly homeless: number
}

/** One loop over a queue, as its owner sees it. */
export interface ConsumerStats {
  readonly id: string
  readonly peer: PeerId
  readonly priority: number
  readonly exclusive: boolean
  /** Empty: it takes everything. */
  readonly selector: string
  /** Messages that it has, in work or waiting for its loop. */
  readonly delivering: number
  /** Messages that it was ever given. */
  readonly delivered: number
  /** For how long it has been here. */
  readonly forMs: number
}

export interface QueueStats extends QueueCounts {
  readonly owner: PeerId
  readonly settings: QueueSettings
  /** Members that keep copies, the owner first. */
  readonly holders: readonly PeerId[]
  /** The first 100, in the order of their coming. */
  readonly consumerList: readonly ConsumerStats[]
}

const COUNTS: readonly (keyof QueueCounts)[] = [
  'messages',
  'bytes',
  'ready',
  'delivering',
  'prefetched',
  'oldestMs',
  'scheduled',
  'consumers',
  'added',
  'delivered',
  'acked',
  'failed',
  'expired',
  'dead',
  'stuck',
  'homeless',
]

/** Undefined for what is no owner's answer. */
export function readStats(value: unknown): QueueStats | undefined {
  if (!isRecord(value)) return undefined
  const { owner } = value
  const settings = readSettings(value['settings'])
  const holders = readAll(value['holders'], MAX_COPIES, (peer) => (isPeerId(peer) ? peer : undefined))
  // An earlier build names none.
  const consumerList = readAll(value['consumerList'] ?? [], MAX_LISTED, readConsumer)
  if (!isPeerId(owner) || !settings || !holders || !consumerList) return undefined
  // An earlier build tells none of these.
  const given: Readonly<Record<string, unknown>> = {
    stuck: 0,
    homeless: 0,
    prefetched: 0,
    oldestMs: 0,
    ...value,
  }
  if (!COUNTS.every((name) => isCount(given[name]))) return undefined
  const counts = Object.fromEntries(COUNTS.map((name) => [name, given[name]])) as unknown as QueueCounts
  return { owner, settings, holders, consumerList, ...counts }
}

function readConsumer(value: unknown): ConsumerStats | undefined {
  if (!isRecord(value)) return undefined
  const { id, peer, priority, exclusive, selector, delivering, delivered, forMs } = value
  if (typeof id !== 'string' || id.length > MAX_ID || !isPeerId(peer)) return undefined
  if (!Number.isSafeInteger(priority) || typeof exclusive !== 'boolean') return undefined
  if (typeof selector !== 'string' || selector.length > MAX_SELECTOR) return undefined
  if (!isCount(delivering) || !isCount(delivered) || typeof forMs !== 'number' || !(forMs >= 0))
    return undefined
  return { id, peer, priority: priority as number, exclusive, selector, delivering, delivered, forMs }
}
