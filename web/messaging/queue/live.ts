import type { Intervals, PeerId } from '../../base/index.ts'
import type { Page } from './page.ts'
import type { QueueItem, Tags } from './queue-item.ts'

/** One sender's stream into this queue. */
export interface Source {
  readonly key: string
  readonly from: PeerId
  readonly stream: string
  /** Every number up to it is known: its message is here, finished, or was lost with all who had it. */
  high: number
  readonly done: Intervals
  readonly live: Map<number, Live>
}

/** A message that is not finished. Its body is on disk. */
export interface Live {
  readonly source: Source
  readonly number: number
  order: number
  readonly priority: number
  readonly sentAt: number
  readonly expiresAt: number
  readonly deliverAt: number
  readonly size: number
  readonly headers: QueueItem['headers']
  readonly tags: Tags
  page: Page
  /** Its place in the page. */
  at: number
  /** Attempts that failed. */
  attempts: number
  /** By this device's wall clock: before it there is no next attempt; 0 where that may be at once. */
  retryAt: number
  /** At its owner: the change of the copies' log that says it; infinite until there is one. */
  copySeq: number
}
