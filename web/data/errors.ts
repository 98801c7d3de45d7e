import { TabmeshError } from '../base/index.ts'

/**
 * `name-taken`, `bad-name`, `bad-option`: the call was wrong. `empty`, `not-text`, `record-too-large`, `bad-record`,
 * `file-changed`: the file was. `quota`: no peer has room for a shard, or this device for what it must hold.
 * `shards-missing`: no live member holds a shard. `dropped`: the dataset has been dropped. `closed`: the node has ended.
 * Between peers: `refused` (takes no data), `busy` (too much at once: ask again), `not-held`, `bad-message`, `bad-bytes`
 * (they do not have the hash that names them).
 */
export type DataErrorCode =
  | 'name-taken'
  | 'bad-name'
  | 'bad-option'
  | 'empty'
  | 'not-text'
  | 'record-too-large'
  | 'bad-record'
  | 'file-changed'
  | 'quota'
  | 'shards-missing'
  | 'dropped'
  | 'closed'
  | 'refused'
  | 'busy'
  | 'not-held'
  | 'bad-message'
  | 'bad-bytes'

export class DataError extends TabmeshError<DataErrorCode> {}
