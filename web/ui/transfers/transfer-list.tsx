import type { FileTransfer } from '../../messaging/index.ts'
import { useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'
import { ReceivedFile } from './received-file.tsx'
import { TransferProgress, useTransfer } from './transfer-progress.tsx'
import { useTransfers } from './use-transfers.ts'

/** Everything that this tab has sent or received, the newest first. */
export function TransferList() {
  const transfers = useTransfers()
  if (transfers.length === 0) return null
  return (
    <section aria-labelledby="transfers-title">
      <h2 id="transfers-title" className="section-title">
        {text.transfers.title} <span className="badge">{transfers.length}</span>
      </h2>
      <ul className="transfer-list">
        {[...transfers].reverse().map((transfer) => (
          <TransferRow key={transfer.id} transfer={transfer} />
        ))}
      </ul>
    </section>
  )
}

function TransferRow({ transfer }: { transfer: FileTransfer }) {
  const { state } = useTransfer(transfer)
  const person = useDirectory()(transfer.peer)
  const isGoing = state === 'moving' || state === 'waiting' || state === 'checking' || state === 'stopped'
  const isOut = transfer.direction === 'out'
  return (
    <li className="transfer">
      <p className="file-name">
        <strong>{transfer.file.name}</strong>{' '}
        <span className="muted">
          {isOut ? text.transfers.to(person.name) : text.transfers.from(person.name)}
        </span>
      </p>
      <TransferProgress transfer={transfer} />
      <div className="transfer-actions">
        {state === 'done' && !isOut && <ReceivedFile transfer={transfer} />}
        {(isGoing || (state === 'offered' && isOut)) && (
          <button type="button" className="button button-small" onClick={() => transfer.cancel()}>
            {text.room.cancel}
            <span className="visually-hidden"> {transfer.file.name}</span>
          </button>
        )}
        {!isGoing && !isOut && state !== 'offered' && (
          <button type="button" className="button button-small" onClick={() => void transfer.remove()}>
            {text.transfers.remove}
            <span className="visually-hidden"> {transfer.file.name}</span>
          </button>
        )}
      </div>
    </li>
  )
}
