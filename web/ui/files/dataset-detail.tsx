import { ArrowLeft, Cpu, Download, Trash2 } from 'lucide-react'
import { useState } from 'react'
import type { DatasetInfo } from '../../data/index.ts'
import { beginWork } from '../busy.ts'
import { saveFile } from '../download.ts'
import { bytesText } from '../format.ts'
import { useNode } from '../hooks.ts'
import { ConfirmDialog } from '../parts/confirm-dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { FirstRecords } from './first-records.tsx'
import { Health } from './health.tsx'
import { ShardMap } from './shard-map.tsx'

/** One file: what it is, who holds it, what is in it, and what can be done with it. */
export function DatasetDetail({ info }: { info: DatasetInfo }) {
  const { openFile } = useRoomState()
  const absent = info.shardCount - info.availableShards
  return (
    <article className="dataset" aria-labelledby="dataset-title">
      <button type="button" className="quiet-link" onClick={() => openFile.set(undefined)}>
        <ArrowLeft aria-hidden="true" /> {text.files.all}
      </button>
      <header className="view-head">
        <div>
          <h2 id="dataset-title">{info.name}</h2>
          <p className="muted">
            {text.files.records(info.records)} · {bytesText(info.bytes)} · {text.files.copies(info.replicas)}
          </p>
        </div>
        <Health info={info} />
      </header>
      <Actions info={info} />
      {absent > 0 && <Notice kind="warning">{text.files.unreachableHint(absent)}</Notice>}
      {info.notes.length > 0 && (
        <Notice kind="warning">
          {info.notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </Notice>
      )}
      <ShardMap info={info} />
      <FirstRecords info={info} />
    </article>
  )
}

function Actions({ info }: { info: DatasetInfo }) {
  const { datasets } = useNode()
  const { openFile, section, drafts } = useRoomState()
  const [isAsking, setAsking] = useState(false)
  const [isCollecting, setCollecting] = useState(false)
  const [problem, setProblem] = useState<string>()
  const dataset = datasets.get(info.name)
  const attempt = (work: Promise<void>) => {
    setProblem(undefined)
    work.catch((error: Error) => setProblem(error.message))
  }
  const download = async () => {
    const end = beginWork()
    setCollecting(true)
    try {
      if (dataset) saveFile(info.name, await dataset.export())
    } finally {
      setCollecting(false)
      end()
    }
  }
  const remove = async () => {
    await dataset?.drop()
    openFile.set(undefined)
  }
  const compute = () => {
    drafts.dataset.set(info.name)
    drafts.draft.set(undefined)
    section.set('compute')
  }
  return (
    <>
      <div className="action-row">
        <button type="button" className="button button-primary" onClick={compute}>
          <Cpu aria-hidden="true" /> {text.files.compute}
        </button>
        <button type="button" className="button" disabled={isCollecting} onClick={() => attempt(download())}>
          <Download aria-hidden="true" /> {isCollecting ? text.files.downloading : text.files.download}
        </button>
        <button type="button" className="button button-quiet-danger" onClick={() => setAsking(true)}>
          <Trash2 aria-hidden="true" /> {text.files.remove}
        </button>
      </div>
      {problem && <Notice kind="error">{problem}</Notice>}
      {isAsking && (
        <ConfirmDialog
          title={text.files.removeTitle(info.name)}
          body={text.files.removeBody}
          confirm={text.files.removeConfirm}
          onClose={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false)
            attempt(remove())
          }}
        />
      )}
    </>
  )
}
