import { isPeerId, isTokenId, type PeerId } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { isTopicName } from '../pattern.ts'
import { isNumber } from './queue-item.ts'

/**
 * `commit` and `abort` are the coordinator's word. `presumed`: it was gone for so long that its transaction is taken for
 * aborted; should its `commit` turn up, as after a split, that holds.
 */
export type Decision = 'commit' | 'abort' | 'presumed'

export type TxAck = readonly [from: PeerId, stream: string, number: number]

/** What a queue knows of one transaction: beside its messages, which carry its name, the acks that it has prepared. */
export interface TxState {
  readonly tx: string
  /** The queue that keeps the decision. */
  readonly home: string
  readonly coordinator: PeerId
  readonly decision: Decision | undefined
  readonly acks: readonly TxAck[]
  /** When this was noted, by the wall clock of the device that keeps it. */
  readonly at: number
}

const RANK: Readonly<Record<Decision, number>> = { presumed: 1, abort: 2, commit: 3 }
/** Acks that one transaction prepares in one queue. */
export const MAX_TX_ACKS = 1_000

/** Undefined when `news` adds nothing. States of one transaction only ever add up. */
export function mergeTx(known: TxState | undefined, news: TxState): TxState | undefined {
  if (!known) return news
  const decision = rankOf(news) > rankOf(known) ? news.decision : known.decision
  const isKnown = new Set(known.acks.map(keyOf))
  const fresh = news.acks.filter((ack) => !isKnown.has(keyOf(ack)))
  const acks = fresh.length > 0 ? [...known.acks, ...fresh] : known.acks
  return decision === known.decision && acks === known.acks ? undefined : { ...known, decision, acks }
}

function keyOf([from, stream, number]: TxAck): string {
  return `${from}/${stream}/${number}`
}

function rankOf({ decision }: TxState): number {
  return decision === undefined ? 0 : RANK[decision]
}

/** With `at` as its age between members, and the other way. */
export function withAge(state: TxState, wall: number): TxState {
  return { ...state, at: wall - state.at }
}

export function txToWire({ tx, home, coordinator, decision, acks, at }: TxState): Value {
  return [tx, home, coordinator, decision ?? null, acks, at]
}

export function readTx(value: unknown): TxState | undefined {
  if (!Array.isArray(value) || value.length !== 6) return undefined
  const [tx, home, coordinator, decision, acks, at] = value as readonly unknown[]
  if (!isTokenId(tx) || !isTopicName(home) || !isPeerId(coordinator)) return undefined
  if (decision !== null && !isDecision(decision)) return undefined
  if (!Array.isArray(acks) || acks.length > MAX_TX_ACKS || !acks.every(isAck)) return undefined
  if (!Number.isFinite(at)) return undefined
  return { tx, home, coordinator, decision: decision ?? undefined, acks, at: at as number }
}

export function isDecision(value: unknown): value is Decision {
  return value === 'commit' || value === 'abort' || value === 'presumed'
}

function isAck(value: unknown): value is TxAck {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    isPeerId(value[0]) &&
    isTokenId(value[1]) &&
    isNumber(value[2])
  )
}
