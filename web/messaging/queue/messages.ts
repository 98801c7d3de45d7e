import { Intervals, isCount, isPeerId, isRecord, isTokenId, type PeerId } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { isTopicName } from '../pattern.ts'
import { DEDUP_WINDOW } from './dedup.ts'
import { type Epoch, epochToWire, readEpoch } from './epoch.ts'
import { MAX_PAGE_ITEMS } from './page.ts'
import {
  type Draft,
  isDuration,
  isNumber,
  MAX_TAG_LENGTH,
  type QueueItem,
  readDraft,
  readItem,
} from './queue-item.ts'
import { readStamps, type Stamps } from './stamp.ts'
import { MAX_TRANSACTIONS } from './tx-ledger.ts'
import { readTx, type TxState } from './tx-state.ts'

/** Request, to every member: which queues the sender keeps, and which of them it owns. Answered with the other's. */
export const METHOD_FACTS = 'queue.facts'
/** Notify, to every member, from one that owns queues: it is awake. */
export const CHANNEL_AWAKE = 'queue.awake'
/** Request, to the owner or who should be it: be there, with these settings. Answered with the epoch and the settings. */
export const METHOD_OPEN = 'queue.open'
/** Request, from an owner: what have you? Who answers obeys no older owner from then on. */
export const METHOD_SUMMARY = 'queue.summary'
/** Request, from an owner: give me these messages. */
export const METHOD_FETCH = 'queue.fetch'
/** Request, from an owner to those who keep copies: messages and finishes. Answered when they are on disk. */
export const METHOD_COPY = 'queue.copy'
/** Request, from an owner: you keep this no longer. */
export const METHOD_DROP = 'queue.drop'
/** Request, from an owner to who keeps a copy: nobody uses this queue any more. */
export const METHOD_RETIRE = 'queue.retire'
/** Request, from a sender to the owner: messages. Answered when they are as safe as the queue promises. */
export const METHOD_PUT = 'queue.put'
/** Notify, from the owner to a sender: messages up to this number are on the owner's disk. */
export const CHANNEL_STORED = 'queue.stored'
/** Request, to the owner: a consumer begins. */
export const METHOD_CONSUME = 'queue.consume'
/** Request, from the owner: attempts for a consumer. Answered when they wait for its loop. */
export const METHOD_DELIVER = 'queue.deliver'
/** Request, from a consumer's node: what became of attempts, and credit. Answered when it is as safe as the queue promises. */
export const METHOD_SETTLE = 'queue.settle'
/** Request, from a consumer's node: it has ended. */
export const METHOD_CANCEL = 'queue.cancel'
/** Requests to the owner, from anybody: to look, to count, to empty. */
export const METHOD_BROWSE = 'queue.browse'
export const METHOD_STATS = 'queue.stats'
export const METHOD_PURGE = 'queue.purge'
export const METHOD_REBALANCE = 'queue.rebalance'
export const METHOD_MOVE = 'queue.move'
/** Requests of transactions: hold these attempts; decide; what was decided?; it was decided. */
export const METHOD_PREPARE = 'queue.prepare'
export const METHOD_DECIDE = 'queue.decide'
export const METHOD_OUTCOME = 'queue.outcome'
export const METHOD_APPLY = 'queue.apply'
/** What a member has heard of a transaction, in whatever queue. */
export const METHOD_HEARD = 'queue.heard'

/** Sources of one summary or copy; a frame bounds them too. */
const MAX_SOURCES = 65_536
/** Runs of numbers of one source: as many as there may be messages that wait, each alone among finished ones. */
export const MAX_RUNS = 1_000_000
/** Duplicate ids of one message. */
export const MAX_IDS = 2 * DEDUP_WINDOW
/** Tokens of one settlement. */
export const MAX_TOKENS = 4096

type Row = Readonly<Record<string, unknown>>

/** What a member says of one queue that it keeps. */
export interface Fact {
  readonly queue: string
  readonly epoch: Epoch
  /** It owns the queue and is at work. */
  readonly isActive: boolean
}

export interface Facts {
  /** Changes that the sender's session has seen: of two that come out of order the higher one holds. */
  readonly version: number
  /** All that there is; else only what changed, and `gone` what the sender keeps no longer. */
  readonly isAll: boolean
  readonly facts: readonly Fact[]
  readonly gone: readonly string[]
}

export const MAX_FACTS = 512

export function factsToWire({ version, isAll, facts, gone }: Facts): Value {
  const rows = facts.map(({ queue, epoch, isActive }) => [queue, epochToWire(epoch), isActive])
  return { version, isAll, facts: rows, gone: [...gone] }
}

export function readFacts(value: unknown): Facts | undefined {
  if (!isRecord(value) || typeof value['isAll'] !== 'boolean' || !isCount(value['version'])) return undefined
  const facts = readAll(value['facts'], MAX_FACTS, readFact)
  const gone = readAll(value['gone'], MAX_FACTS, (name) => (isTopicName(name) ? name : undefined))
  return facts && gone && { version: value['version'], isAll: value['isAll'], facts, gone }
}

function readFact(value: unknown): Fact | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined
  const [queue, wireEpoch, isActive] = value as readonly unknown[]
  const epoch = readEpoch(wireEpoch)
  if (!epoch || !isTopicName(queue) || typeof isActive !== 'boolean') return undefined
  return { queue, epoch, isActive }
}

/** The head of every message about a queue. */
export interface Head {
  readonly queue: string
  readonly epoch: Epoch
}

export function headToWire(queue: string, epoch: Epoch): { queue: string; epoch: Value } {
  return { queue, epoch: epochToWire(epoch) }
}

export function readHead(value: unknown): (Head & { readonly row: Row }) | undefined {
  if (!isRecord(value) || !isTopicName(value['queue'])) return undefined
  const epoch = readEpoch(value['epoch'])
  return epoch && { queue: value['queue'], epoch, row: value }
}

/** Of one source: how far it is known, what is finished and, in a summary, what is here. */
export interface SourceState {
  readonly from: PeerId
  readonly stream: string
  readonly high: number
  readonly done: Intervals
  readonly have: Intervals
  /** In a copy: the consumer whose acks finished them. */
  readonly by?: string
}

export function sourceToWire({ from, stream, high, done, have, by }: SourceState): Value {
  return [from, stream, high, done.toArray(), have.toArray(), ...(by ? [by] : [])]
}

function readSource(value: unknown): SourceState | undefined {
  if (!Array.isArray(value) || value.length < 5 || value.length > 6) return undefined
  const [from, stream, high, doneRuns, haveRuns, by = ''] = value as readonly unknown[]
  const done = Intervals.read(doneRuns, MAX_RUNS)
  const have = Intervals.read(haveRuns, MAX_RUNS)
  if (!isPeerId(from) || !isTokenId(stream) || !done || !have) return undefined
  if (high !== 0 && !isNumber(high)) return undefined
  if (by !== '' && !isTokenId(by)) return undefined
  // No number that counting cannot reach.
  if (done.max >= 2 ** 52 || have.max >= 2 ** 52) return undefined
  return { from, stream, high: high as number, done, have, by }
}

export function readSources(value: unknown): readonly SourceState[] | undefined {
  return readAll(value, MAX_SOURCES, readSource)
}

export function readIds(value: unknown): readonly string[] | undefined {
  return readAll(value, MAX_IDS, (id) =>
    typeof id === 'string' && id.length <= MAX_TAG_LENGTH && id.isWellFormed() ? id : undefined,
  )
}

export function readQueueItems(value: unknown): readonly QueueItem[] | undefined {
  return readAll(value, MAX_PAGE_ITEMS, readItem)
}

/** Of all streams together as many as of messages. */
export function readAllStamps(value: unknown): readonly Stamps[] | undefined {
  const all = value === undefined ? [] : readAll(value, MAX_PAGE_ITEMS, readStamps)
  const count = all?.reduce((sum, { stamps }) => sum + stamps.length, 0) ?? 0
  return count <= MAX_PAGE_ITEMS ? all : undefined
}

export function readDrafts(value: unknown): readonly Draft[] | undefined {
  const drafts = readAll(value, MAX_PAGE_ITEMS, readDraft)
  if (!drafts || drafts.length === 0) return undefined
  // A sender counts without gaps.
  return drafts.every((draft, at) => draft.number === (drafts[0] as Draft).number + at) ? drafts : undefined
}

export function readTransactions(value: unknown): readonly TxState[] | undefined {
  return readAll(value, MAX_TRANSACTIONS, readTx)
}

/** Failed attempts of a message. */
export type AttemptsRow = readonly [
  from: PeerId,
  stream: string,
  number: number,
  attempts: number,
  /** Before the next. */
  waitMs: number,
]

export function readAttempts(value: unknown): readonly AttemptsRow[] | undefined {
  return readAll(value, MAX_TOKENS, (row) => {
    if (!Array.isArray(row) || row.length < 4 || row.length > 5) return undefined
    const [from, stream, number, attempts, waitMs = 0] = row as readonly unknown[]
    if (!isPeerId(from) || !isTokenId(stream) || !isNumber(number) || !isDuration(waitMs)) return undefined
    return isNumber(attempts) ? ([from, stream, number, attempts, waitMs] as const) : undefined
  })
}

/** The owner's answer to {@link METHOD_PUT}. */
export interface PutAnswer {
  /** The highest number of this stream that the owner knows. */
  readonly mark: number
  readonly copies: number
  /** Numbers that were not taken in, and why: `queue-full`, `too-large`, `quota`, `filtered` or `duplicate`. */
  readonly refused: readonly (readonly [number: number, code: string])[]
  /** On the owner's disk; the only other copy that there is to be is the sender's own, and is on its way there. */
  readonly isComing: boolean
}

export function readPutAnswer(value: unknown): PutAnswer | undefined {
  if (!isRecord(value)) return undefined
  const { mark, copies } = value as { mark?: unknown; copies?: unknown }
  const refused = readAll(value['refused'], MAX_PAGE_ITEMS, (row) =>
    Array.isArray(row) && row.length === 2 && isNumber(row[0]) && typeof row[1] === 'string'
      ? ([row[0], row[1]] as const)
      : undefined,
  )
  if (!refused || !Number.isSafeInteger(mark) || !Number.isSafeInteger(copies)) return undefined
  return { mark: mark as number, copies: copies as number, refused, isComing: value['isComing'] === true }
}

/** One attempt as it reaches its consumer. */
export interface Attempt {
  readonly token: number
  /** Attempts that failed before. */
  readonly attempts: number
  readonly item: QueueItem
}

export function readAttempt(value: unknown): Attempt | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined
  const [token, attempts, row] = value as readonly unknown[]
  const item = readItem(row)
  if (!item || !isNumber(token) || !Number.isSafeInteger(attempts)) return undefined
  return { token, attempts: attempts as number, item }
}

export interface Settlement {
  readonly acks: readonly number[]
  readonly fails: readonly (readonly [token: number, delayMs: number])[]
  readonly releases: readonly number[]
  readonly credit: number
  readonly lastTaken: number
}

export function readSettlement(row: Row): Settlement | undefined {
  const acks = readAll(row['acks'], MAX_TOKENS, readToken)
  const releases = readAll(row['releases'], MAX_TOKENS, readToken)
  const fails = readAll(row['fails'], MAX_TOKENS, (pair) =>
    Array.isArray(pair) && isNumber(pair[0]) && Number.isFinite(pair[1])
      ? ([pair[0], pair[1] as number] as const)
      : undefined,
  )
  const { credit, lastTaken } = row as { credit?: unknown; lastTaken?: unknown }
  if (!acks || !releases || !fails || !isCount(credit) || !isCount(lastTaken)) return undefined
  return { acks, releases, fails, credit, lastTaken }
}

/** An array of at most `most`, each of them read; undefined when one cannot be. */
export function readAll<T>(
  value: unknown,
  most: number,
  read: (part: unknown) => T | undefined,
): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined
  const all: T[] = []
  for (const part of value) {
    const one = read(part)
    if (one === undefined) return undefined
    all.push(one)
  }
  return all
}

function readToken(value: unknown): number | undefined {
  return isNumber(value) ? value : undefined
}
