import { useSyncExternalStore } from 'react'
import type { FileTransfer } from '../../messaging/index.ts'
import { useNode } from '../hooks.ts'

export function useTransfers(): readonly FileTransfer[] {
  const { files } = useNode()
  return useSyncExternalStore(
    (listener) => files.subscribe(listener),
    () => files.list(),
  )
}
