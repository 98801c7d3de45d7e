import type { FileTransfer } from '../../messaging/index.ts'
import { bytesText } from '../format.ts'
import { useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'
import { useTransfer } from './transfer-progress.tsx'
import { useTransfers } from './use-transfers.ts'

/** Files that somebody wants to send, over every view until they are answered. */
export function Offers() {
  const transfers = useTransfers()
  return (
    <div className="offers" role="status">
      {transfers
        .filter(({ direction }) => direction === 'in')
        .map((transfer) => (
          <Offer key={transfer.id} transfer={transfer} />
        ))}
    </div>
  )
}

function Offer({ transfer }: { transfer: FileTransfer }) {
  const { state } = useTransfer(transfer)
  const { name } = useDirectory()(transfer.peer)
  if (state !== 'offered') return null
  return (
    <div className="offer">
      <p>
        {text.transfers.offers(name)}: <strong>{transfer.file.name}</strong> ({bytesText(transfer.file.size)})
      </p>
      <div className="offer-actions">
        <button type="button" className="button button-small" onClick={() => transfer.decline()}>
          {text.transfers.decline}
        </button>
        <button
          type="button"
          className="button button-small button-primary"
          onClick={() => transfer.accept()}
        >
          {text.transfers.accept}
        </button>
      </div>
    </div>
  )
}
