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
  Newline,
  Preview,
  ShardInfo,
  ShardSource,
  ShardView,
} from './dataset.ts'
export { DataError, type DataErrorCode } from './errors.ts'
export { forEachRecord } from './records.ts'
export { DATA_TABLES } from './tables.ts'
