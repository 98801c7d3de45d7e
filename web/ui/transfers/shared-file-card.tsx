import { Download, FileIcon } from 'lucide-react'
import { useState } from 'react'
import type { PeerId } from '../../base/index.ts'
import type { FileTransfer, SharedFile } from '../../messaging/index.ts'
import { bytesText } from '../format.ts'
import { useNode, useSnapshot } from '../hooks.ts'
import { text } from '../text.ts'
import { ReceivedFile } from './received-file.tsx'
import { TransferProgress, useTransfer } from './transfer-progress.tsx'
import { useTransfers } from './use-transfers.ts'

/** A file in a message: fetched from its sender by a click, then saved or shown. */
export function SharedFileCard({ file, from }: { file: SharedFile; from: PeerId }) {
  const node = useNode()
  const { peers } = useSnapshot()
  const [problem, setProblem] = useState<string>()
  const transfer = useTransfers().findLast(
    (one) => one.direction === 'in' && one.peer === from && (one.file as Partial<SharedFile>).id === file.id,
  )
  const isOwn = from === node.id
  const isHere = peers.some(({ peerId, state }) => peerId === from && state !== 'lost')
  const fetchIt = () => {
    try {
      node.files.fetch(from, file)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <div className="file-card">
      <p className="file-name">
        <FileIcon aria-hidden="true" /> <strong>{file.name}</strong>{' '}
        <span className="muted">{bytesText(file.size)}</span>
      </p>
      {isOwn && <p className="muted small">{text.transfers.ownFile}</p>}
      {problem && <p className="field-error">{problem}</p>}
      {transfer ? (
        <FetchedFile transfer={transfer} onAgain={isHere ? fetchIt : undefined} />
      ) : (
        !isOwn && <GetButton name={file.name} isHere={isHere} onGet={fetchIt} />
      )}
    </div>
  )
}

function FetchedFile({ transfer, onAgain }: { transfer: FileTransfer; onAgain: (() => void) | undefined }) {
  const { state } = useTransfer(transfer)
  if (state === 'done') return <ReceivedFile transfer={transfer} />
  const isOver = state === 'cancelled' || state === 'failed' || state === 'declined'
  return (
    <>
      <TransferProgress transfer={transfer} />
      {isOver ? (
        <GetButton name={transfer.file.name} isHere={onAgain !== undefined} onGet={onAgain ?? (() => {})} />
      ) : (
        <button type="button" className="button button-small" onClick={() => transfer.cancel()}>
          {text.room.cancel}
          <span className="visually-hidden"> {transfer.file.name}</span>
        </button>
      )}
    </>
  )
}

function GetButton({ name, isHere, onGet }: { name: string; isHere: boolean; onGet: () => void }) {
  if (!isHere) return <p className="muted small">{text.transfers.gone}</p>
  return (
    <button type="button" className="button button-small" onClick={onGet}>
      <Download aria-hidden="true" /> {text.transfers.get}
      <span className="visually-hidden"> {name}</span>
    </button>
  )
}
