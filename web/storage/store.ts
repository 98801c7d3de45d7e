/** Keys sort as IndexedDB's do: numbers before strings before arrays, arrays element by element. */
export type StoreKey = string | number | readonly (string | number)[]
export type StoreRange = { readonly from?: StoreKey; readonly to?: StoreKey; readonly limit?: number }
/** Bytes are kept as ArrayBuffer (Blobs fail in private windows); values are what structured clone carries. */
export type StoreWrite =
  | { readonly table: string; readonly key: StoreKey; readonly value: unknown }
  | { readonly table: string; readonly key: StoreKey; readonly remove: true }
  | { readonly table: string; readonly range: StoreRange; readonly remove: true }

/**
 * One slot's store for one room. The tables are named when it is opened. Every method rejects with a StoreError:
 * `quota` (disk or quota is full; nothing was written), `unavailable` (the database cannot be opened), `closed`,
 * `corrupt`, `conflict`.
 */
export interface Store {
  get(table: string, key: StoreKey): Promise<unknown>
  /** Ascending by key; `from` and `to` are both inclusive. */
  entries(table: string, range?: StoreRange): Promise<readonly (readonly [StoreKey, unknown])[]>
  keys(table: string, range?: StoreRange): Promise<readonly StoreKey[]>
  /**
   * All or nothing. Resolves in the transaction's `complete`. `strict` asks for a flush to disk (outbox, identities);
   * `relaxed` is for what the room can restore (shards).
   */
  write(writes: readonly StoreWrite[], durability: 'relaxed' | 'strict'): Promise<void>
  /** What the origin uses and may use, in bytes; undefined where the platform does not say. */
  usage(): Promise<{ readonly usedBytes: number; readonly quotaBytes: number } | undefined>
  /** Resolves when the store has ended, with `forgotten` when another tab deleted it. */
  readonly closed: Promise<'closed' | 'forgotten' | 'lost'>
  close(): Promise<void>
}
