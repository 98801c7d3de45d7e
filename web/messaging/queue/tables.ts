/** What this node knows of each queue that it keeps a replica of, by its name. */
export const TABLE_QUEUES = 'queue.queues'
/** Messages by [queue, page]: those that came together share a record. */
export const TABLE_PAGES = 'queue.pages'
/** By [queue, sender, stream]: how far it is known, and which of its numbers are finished. */
export const TABLE_SOURCES = 'queue.sources'
/** By [queue, sender, stream, number]: failed attempts, for those that had any. */
export const TABLE_ATTEMPTS = 'queue.attempts'
/** Duplicate ids that are remembered, by [queue, page]: the ids of the messages of one page. */
export const TABLE_DEDUP = 'queue.dedup'
/** Durable subscriptions of the room, by name. */
export const TABLE_BINDINGS = 'queue.bindings'
/** Settings by pattern of addresses, and diverts by name. */
export const TABLE_SETTINGS = 'queue.settings'
export const TABLE_DIVERTS = 'queue.diverts'
/** What a queue knows of transactions, by [queue, transaction]. */
export const TABLE_TRANSACTIONS = 'queue.transactions'
/** Own transactions that are not over, by their names. */
export const TABLE_JOURNAL = 'queue.journal'
/** Own messages on their way to a queue's owner, by [queue, first number]. */
export const TABLE_SENDING = 'queue.sending'
/** Own streams by queue: their names and next numbers. */
export const TABLE_STREAMS = 'queue.streams'

export const QUEUE_TABLES: readonly string[] = [
  TABLE_QUEUES,
  TABLE_PAGES,
  TABLE_SOURCES,
  TABLE_ATTEMPTS,
  TABLE_DEDUP,
  TABLE_TRANSACTIONS,
  TABLE_JOURNAL,
  TABLE_BINDINGS,
  TABLE_SETTINGS,
  TABLE_DIVERTS,
  TABLE_SENDING,
  TABLE_STREAMS,
]
