export { FILE_TABLES, type StoredFile } from './chunk-store.ts'
export { loadFiles, RoomFiles } from './files.ts'
export type {
  FileInfo,
  Files,
  FileTransfer,
  SharedFile,
  TransferSnapshot,
  TransferState,
} from './transfer.ts'
