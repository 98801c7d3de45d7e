import { Intervals, isPeerId, isTokenId } from '../../base/index.ts'
import type { Store, StoreKey } from '../../storage/index.ts'
import { readEpoch } from './epoch.ts'
import { decodePage, MAX_PAGE_ITEMS, pageFromStore } from './page.ts'
import { isTime } from './queue-item.ts'
import { Replica } from './replica.ts'
import { readPartialSettings, readSettings } from './settings.ts'
import {
  TABLE_ATTEMPTS,
  TABLE_DEDUP,
  TABLE_PAGES,
  TABLE_QUEUES,
  TABLE_SOURCES,
  TABLE_TRANSACTIONS,
} from './tables.ts'
import { readTx } from './tx-state.ts'

/** Pages that are in memory at once while a store is read. */
const PAGES_AT_ONCE = 32

/** Reads every replica of this store. A record that is damaged is left out: others have its messages. */
export async function loadReplicas(store: Store): Promise<Map<string, Replica>> {
  const replicas = new Map<string, Replica>()
  for (const [key, row] of await store.entries(TABLE_QUEUES)) {
    const {
      epoch: wire,
      settings,
      explicit,
    } = (row ?? {}) as { epoch?: unknown; settings?: unknown; explicit?: unknown }
    const epoch = readEpoch(wire)
    if (typeof key !== 'string' || !epoch) continue
    const replica = new Replica(key, store, epoch)
    replica.settings = readSettings(settings)
    replica.explicit = readPartialSettings(explicit) ?? {}
    replicas.set(key, replica)
  }
  // Finishes before messages, so that what is finished is not taken for live.
  for (const [key, row] of await store.entries(TABLE_SOURCES)) restoreSource(replicas, key, row)
  await restorePages(store, replicas)
  for (const [key, row] of await store.entries(TABLE_ATTEMPTS)) restoreAttempts(replicas, key, row)
  for (const [key, row] of await store.entries(TABLE_DEDUP)) restoreDedup(replicas, key, row)
  for (const [key, row] of await store.entries(TABLE_TRANSACTIONS)) restoreTx(replicas, key, row)
  return replicas
}

function restoreSource(replicas: ReadonlyMap<string, Replica>, key: StoreKey, row: unknown): void {
  const [queue, from, stream] = Array.isArray(key) ? (key as readonly unknown[]) : []
  const replica = replicas.get(queue as string)
  if (!replica || !isPeerId(from) || !isTokenId(stream) || typeof row !== 'object' || row === null) return
  const { high, done } = row as { high?: unknown; done?: unknown }
  const intervals = Intervals.read(done, Number.POSITIVE_INFINITY)
  if (intervals && Number.isSafeInteger(high))
    replica.restoreSource(replica.source(from, stream), high as number, intervals)
}

async function restorePages(store: Store, replicas: ReadonlyMap<string, Replica>): Promise<void> {
  const keys = await store.keys(TABLE_PAGES)
  for (let at = 0; at < keys.length; at += PAGES_AT_ONCE) {
    const from = keys[at] as StoreKey
    const to = keys[Math.min(at + PAGES_AT_ONCE, keys.length) - 1] as StoreKey
    for (const [key, row] of await store.entries(TABLE_PAGES, { from, to })) {
      const [queue, id] = Array.isArray(key) ? (key as readonly unknown[]) : []
      const bytes = pageFromStore(row)
      const items = bytes && decodePage(bytes, MAX_PAGE_ITEMS)
      if (items && typeof id === 'number') replicas.get(queue as string)?.restorePage(id, items)
    }
  }
}

function restoreAttempts(replicas: ReadonlyMap<string, Replica>, key: StoreKey, row: unknown): void {
  const [queue, from, stream, number] = Array.isArray(key) ? (key as readonly unknown[]) : []
  if (!isPeerId(from) || !isTokenId(stream) || typeof number !== 'number') return
  // A build before this one noted no time.
  const [attempts, retryAt] = (Array.isArray(row) ? row : [row, 0]) as readonly unknown[]
  if (!Number.isInteger(attempts) || !isTime(retryAt)) return
  const live = replicas.get(queue as string)?.find(from, stream, number)
  if (!live) return
  live.attempts = attempts as number
  live.retryAt = retryAt
}

function restoreDedup(replicas: ReadonlyMap<string, Replica>, key: StoreKey, row: unknown): void {
  const [queue, page] = Array.isArray(key) ? (key as readonly unknown[]) : []
  const ids = Array.isArray(row) ? row.filter((id) => typeof id === 'string') : []
  if (typeof page === 'number') replicas.get(queue as string)?.restoreDedup(page, ids)
}

function restoreTx(replicas: ReadonlyMap<string, Replica>, key: StoreKey, row: unknown): void {
  const [queue] = Array.isArray(key) ? (key as readonly unknown[]) : []
  const state = readTx(row)
  if (state) replicas.get(queue as string)?.transactions.restore(state)
}
