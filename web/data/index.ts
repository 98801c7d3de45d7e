export { createData, type Data } from './create-data.ts'
export type {
  AddOptions,
  AddProgress,
  ColumnType,
  Dataset,
  DatasetFormat,
  DatasetInfo,
  DatasetManifest,
  Datasets,
  Preview,
  ReadOptions,
  ShardInfo,
  ShardSource,
  ShardView,
} from './dataset.ts'
export { DataError, type DataErrorCode } from './errors.ts'
export { readFormat } from './messages.ts'
export type { Oddity } from './oddities.ts'
export { forEachRecord } from './records.ts'
export { DATA_TABLES } from './tables.ts'
