import type { QueueStats } from '../../messaging/index.ts'
import type { MeshNode } from '../../node.ts'
import { createObservable, type Observable } from '../observable.ts'

const EVERY_MS = 1_000
/** Seconds that a sparkline shows. */
export const SAMPLES = 60
/** Queues that are asked for their figures. */
const MAX_WATCHED = 100

export interface QueueRow {
  readonly name: string
  /** Undefined until its owner has answered. */
  readonly stats: QueueStats | undefined
  /** Messages a second that came in and were finished, the latest last. */
  readonly comeIn: readonly number[]
  readonly goOut: readonly number[]
}

/** The figures of every queue, asked of their owners each second while somebody looks. */
export interface QueueWatch {
  readonly rows: Observable<readonly QueueRow[]>
  /** Begins to ask; the returned function ends it. */
  watch(): () => void
}

export function createQueueWatch(node: MeshNode): QueueWatch {
  const rows = createObservable<readonly QueueRow[]>([])
  let watchers = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = async () => {
    const names = node.destinations.queues().slice(0, MAX_WATCHED)
    const known = new Map(rows.get().map((row) => [row.name, row]))
    const next = await Promise.all(names.map((name) => rowOf(node, name, known.get(name))))
    if (watchers === 0) return
    rows.set(next)
    timer = setTimeout(() => void look(), EVERY_MS)
  }
  return {
    rows,
    watch: () => {
      if (watchers++ === 0) void look()
      return () => {
        if (--watchers === 0) clearTimeout(timer)
      }
    },
  }
}

async function rowOf(node: MeshNode, name: string, known: QueueRow | undefined): Promise<QueueRow> {
  const stats = await node
    .queue(name)
    .stats()
    .catch(() => undefined)
  // A new owner counts from the start again.
  const isSame = stats !== undefined && known?.stats?.owner === stats.owner
  const came = isSame ? Math.max(0, stats.added - (known?.stats?.added ?? 0)) : 0
  const went = isSame ? Math.max(0, stats.acked - (known?.stats?.acked ?? 0)) : 0
  return {
    name,
    stats: stats ?? known?.stats,
    comeIn: [...(known?.comeIn ?? []), came].slice(-SAMPLES),
    goOut: [...(known?.goOut ?? []), went].slice(-SAMPLES),
  }
}

export type QueueKind = 'queue' | 'dead' | 'expired' | 'subscription' | 'retained'

const KINDS: Readonly<Record<string, QueueKind>> = {
  DLQ: 'dead',
  EXP: 'expired',
  SUB: 'subscription',
  RET: 'retained',
}

/** What a queue is for, by the first word of its name. */
export function kindOf(name: string): QueueKind {
  return KINDS[name.split('.')[0] ?? ''] ?? 'queue'
}
