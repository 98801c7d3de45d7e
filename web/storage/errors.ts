import { TabmeshError } from '../base/index.ts'

/**
 * `quota`: disk or quota is full, nothing was written. `unavailable`: the database cannot be opened. `closed`: the store
 * has ended. `lost`: the handle was lost while a write ran, so its outcome is unknown; writes that put the same value
 * under the same key whenever they run (shards) may be repeated. `corrupt`: what is stored cannot be read.
 * `conflict`: the database aborted the write, nothing was written. `unsupported`: this browser lacks what Tabmesh needs.
 */
export type StoreErrorCode =
  | 'quota'
  | 'unavailable'
  | 'closed'
  | 'lost'
  | 'corrupt'
  | 'conflict'
  | 'unsupported'

export class StoreError extends TabmeshError<StoreErrorCode> {}
