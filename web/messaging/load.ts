import { isTokenId, type PeerId, type Random, randomToken } from '../base/index.ts'
import type { Store, StoreKey } from '../storage/index.ts'
import { loadFiles, type StoredFile } from './files/index.ts'
import { type Kept, keptFromStore, TABLE_MARKS, TABLE_MESSAGES, TABLE_OUTBOX, TABLE_STREAM } from './kept.ts'
import type { OutboxState } from './outbox.ts'
import { type LoadedQueues, loadQueues } from './queue/index.ts'

/** What lay in the store when the node began. */
export interface LoadedMessages {
  readonly outbox: OutboxState
  readonly kept: readonly Kept[]
  readonly marks: readonly (readonly [StoreKey, unknown])[]
  readonly queues: LoadedQueues
  readonly files: readonly StoredFile[]
}

/** Reads everything that is kept. Rejects with the store's error. */
export async function loadMessages(store: Store, selfId: PeerId, random: Random): Promise<LoadedMessages> {
  const [rows, outboxKeys, marks, row, queues, files] = await Promise.all([
    store.entries(TABLE_MESSAGES),
    store.keys(TABLE_OUTBOX),
    store.entries(TABLE_MARKS),
    store.get(TABLE_STREAM, 'self'),
    loadQueues(store),
    loadFiles(store),
  ])
  const kept = rows.flatMap(([key, value]) => keptFromStore(key, value) ?? [])
  const { stream, next, lastAt } = readStream(row) ?? { stream: randomToken(random), next: 1, lastAt: 0 }
  const own = ownOf(kept, selfId, stream)
  const pending = new Set(outboxKeys.filter((key) => typeof key === 'number'))
  return { outbox: { stream, next, lastAt, own, pending }, kept, marks, queues, files }
}

function ownOf(kept: readonly Kept[], self: PeerId, stream: string): Kept[] {
  return kept.filter((one) => one.from === self && one.stream === stream).sort((a, b) => a.number - b.number)
}

function readStream(row: unknown): { stream: string; next: number; lastAt: number } | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const { stream, next, lastAt } = row as { stream?: unknown; next?: unknown; lastAt?: unknown }
  if (!isTokenId(stream) || typeof next !== 'number' || typeof lastAt !== 'number') return undefined
  return { stream, next, lastAt }
}
