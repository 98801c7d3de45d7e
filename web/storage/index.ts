export { StoreError, type StoreErrorCode } from './errors.ts'
export { MemoryDisk } from './memory.ts'
export type { Store, StoreKey, StoreWrite } from './store.ts'
