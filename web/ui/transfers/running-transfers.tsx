import type { FileTransfer } from '../../messaging/index.ts'
import { TransferProgress, useTransfer } from './transfer-progress.tsx'
import { useTransfers } from './use-transfers.ts'

/** What is on its way now, over every view of a window that is too small to show people beside it. */
export function RunningTransfers() {
  return useTransfers().map((transfer) => <Running key={transfer.id} transfer={transfer} />)
}

function Running({ transfer }: { transfer: FileTransfer }) {
  const { state } = useTransfer(transfer)
  if (state !== 'moving' && state !== 'waiting' && state !== 'stopped') return null
  return (
    <div className="running-transfer">
      <strong>{transfer.file.name}</strong>
      <TransferProgress transfer={transfer} />
    </div>
  )
}
