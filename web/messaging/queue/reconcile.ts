import { Intervals, isRecord, type PeerId } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import { fromRest, restOf } from './ages.ts'
import type { Calls } from './calls.ts'
import type { Epoch } from './epoch.ts'
import type { Live, Source } from './live.ts'
import {
  type AttemptsRow,
  headToWire,
  METHOD_FETCH,
  METHOD_SUMMARY,
  readAttempts,
  readIds,
  readQueueItems,
  readSources,
  readTransactions,
  type SourceState,
} from './messages.ts'
import type { Replica } from './replica.ts'
import { type QueueSettings, readPartialSettings, readSettings } from './settings.ts'
import { type TxState, withAge } from './tx-state.ts'

const REQUEST_MS = 5_000
/** Summaries of queues with many gaps are large: off the lane of heartbeats. */
const LARGE = Number.POSITIVE_INFINITY

/** What a member has of a queue, and its settings where it knows the queue. */
export interface Summary {
  readonly sources: readonly SourceState[]
  /** What each consumer finished itself, of late. */
  readonly finishers: readonly SourceState[]
  readonly settings: QueueSettings | undefined
  readonly explicit: Partial<QueueSettings>
  /** How often what it has failed, as far as it knows. */
  readonly attempts: readonly AttemptsRow[]
  readonly dedupIds: readonly string[]
  readonly transactions: readonly TxState[]
}

/** What a member brought. */
export interface Merge {
  readonly summary: Summary
  readonly added: readonly Live[]
  readonly finished: readonly Live[]
  /** Every number that only it knew to be finished, its message here or not. */
  readonly news: readonly News[]
  /** Messages that have failed more often than was known here. */
  readonly attempted: readonly Live[]
}

/** `by`: the consumer that finished them; empty where nobody knows. */
export type News = readonly [source: Source, numbers: Intervals, by: string]

export function attemptsToWire({ source, number, attempts, retryAt }: Live, wall: number): Value {
  return [source.from, source.stream, number, attempts, restOf(retryAt, wall)]
}

/** Whose acks finished what, as a summary and a copy tell it. */
export function finishersOf({ finishers, sources }: Replica): readonly SourceState[] {
  return finishers.told().flatMap(({ by, source, numbers }) => {
    const known = sources.get(source)
    const none = { high: 0, have: new Intervals() }
    return known ? { from: known.from, stream: known.stream, ...none, done: numbers, by } : []
  })
}

export function summaryOf(replica: Replica): readonly SourceState[] {
  return [...replica.sources.values()].map((source) => stateOf(source))
}

/**
 * Takes over what `peer` has and `replica` lacks: finishes first, so that what is finished is not fetched. `peer` obeys no
 * older owner from then on. Rejects with RemoteError `stale-epoch` when it obeys a newer one.
 */
export async function mergeFrom(
  peer: PeerId,
  replica: Replica,
  epoch: Epoch,
  calls: Calls,
  signal: AbortSignal,
): Promise<Merge> {
  const head = headToWire(replica.queue, epoch)
  const answer = await calls.request(peer, METHOD_SUMMARY, head, {
    timeoutMs: REQUEST_MS,
    signal,
    bytes: LARGE,
  })
  const summary = readSummary(answer)
  if (!summary) throw new MessagingError('malformed', 'this is no summary of a queue')
  // First of all: they say which of the messages that follow may be seen.
  const wall = calls.clock.wall()
  for (const state of summary.transactions) await replica.noteTx(withAge(state, wall))
  const finished: Live[] = []
  const news: News[] = []
  // Who finished what first: an ack whose answer was lost is its consumer's own, whoever owns the queue by now.
  for (const state of [...summary.finishers, ...summary.sources]) {
    const { by = '' } = state
    const source = replica.source(state.from, state.stream)
    const unknown = state.done.minus(source.done)
    if (!unknown.isEmpty) news.push([source, unknown, by])
    finished.push(...replica.finish(source, state.done, by))
    source.high = Math.max(source.high, state.high)
  }
  const added: Live[] = []
  for (const state of summary.sources) {
    const source = replica.source(state.from, state.stream)
    const missing = state.have.minus(source.done).minus(haveOf(source))
    if (missing.isEmpty) continue
    added.push(...(await fetchAll(peer, replica, source, missing, epoch, calls, signal)))
  }
  const attempted = replica.hearAttempts(summary.attempts, wall)
  await replica.rememberIds(summary.dedupIds)
  await replica.settled()
  return { summary, added, finished, news, attempted }
}

/** Fetches messages from a member that has them; what it turns out not to have is left out. */
export async function fetchAll(
  peer: PeerId,
  replica: Replica,
  source: Source,
  missing: Intervals,
  epoch: Epoch,
  calls: Calls,
  signal: AbortSignal,
): Promise<readonly Live[]> {
  const added: Live[] = []
  let left = missing
  while (!left.isEmpty) {
    const body = {
      ...headToWire(replica.queue, epoch),
      from: source.from,
      stream: source.stream,
      numbers: left.toArray(),
    }
    const answer = await calls.request(peer, METHOD_FETCH, body, { timeoutMs: REQUEST_MS, signal })
    const row = isRecord(answer) ? answer : {}
    const items = readQueueItems(row['items'])
    const attempts = readAttempts(row['attempts'])
    if (!items || !attempts) throw new MessagingError('malformed', 'these are no messages of a queue')
    const asked = items.filter((item) => item.from === source.from && item.stream === source.stream)
    if (asked.length === 0) break
    const wall = calls.clock.wall()
    added.push(...(await replica.add(asked.map((item) => fromRest(item, wall)))))
    replica.hearAttempts(attempts, wall)
    const got = new Intervals()
    for (const item of asked) got.add(item.number)
    left = left.minus(got)
  }
  return added
}

export function haveOf(source: Source): Intervals {
  const have = new Intervals()
  for (const number of [...source.live.keys()].sort((a, b) => a - b)) have.add(number)
  return have
}

function stateOf(source: Source): SourceState {
  const { from, stream, high, done } = source
  return { from, stream, high, done, have: haveOf(source) }
}

function readSummary(value: unknown): Summary | undefined {
  if (!isRecord(value)) return undefined
  const sources = readSources(value['sources'])
  const finishers = readSources(value['finishers'] ?? [])
  const attempts = readAttempts(value['attempts'] ?? [])
  const dedupIds = readIds(value['dedup'])
  const transactions = readTransactions(value['tx'])
  if (!sources || !finishers || !attempts || !dedupIds || !transactions) return undefined
  const settings = value['settings'] === null ? undefined : readSettings(value['settings'])
  const explicit = readPartialSettings(value['explicit']) ?? {}
  return { sources, finishers, attempts, settings, explicit, dedupIds, transactions }
}
