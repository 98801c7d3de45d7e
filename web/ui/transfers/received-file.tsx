import { Download } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { FileTransfer } from '../../messaging/index.ts'
import { saveFile } from '../download.ts'
import { text } from '../text.ts'

/** Pictures that a browser shows without running anything in them. */
const PICTURES: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
])
const MAX_PICTURE_BYTES = 20_000_000

/** A file that is here: saved by a click, and shown where it is a picture. */
export function ReceivedFile({ transfer }: { transfer: FileTransfer }) {
  const { name, type, size } = transfer.file
  const [problem, setProblem] = useState<string>()
  const save = () => {
    transfer.blob().then(
      (blob) => saveFile(name, blob),
      (error: Error) => setProblem(error.message),
    )
  }
  return (
    <>
      {PICTURES.has(type) && size <= MAX_PICTURE_BYTES && (
        <Picture name={name} read={() => transfer.blob()} />
      )}
      {problem && (
        <p className="field-error" role="alert">
          {problem}
        </p>
      )}
      <button type="button" className="button button-small" onClick={save}>
        <Download aria-hidden="true" /> {text.transfers.saveAs}
        <span className="visually-hidden"> {name}</span>
      </button>
    </>
  )
}

function Picture({ name, read }: { name: string; read: () => Promise<Blob> }) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    let isGone = false
    let made: string | undefined
    read().then(
      (blob) => {
        if (isGone) return
        made = URL.createObjectURL(blob)
        setUrl(made)
      },
      () => {
        // Saving it says what is wrong.
      },
    )
    return () => {
      isGone = true
      if (made) URL.revokeObjectURL(made)
    }
  }, [])
  return (
    <div className="picture">
      {url && <img src={url} alt={text.transfers.picture(name)} loading="lazy" />}
    </div>
  )
}
