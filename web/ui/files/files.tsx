import { Database, FileUp } from 'lucide-react'
import { useRef, useSyncExternalStore } from 'react'
import type { DatasetInfo } from '../../data/index.ts'
import { bytesText } from '../format.ts'
import { useMedia, useSnapshot } from '../hooks.ts'
import { Empty } from '../parts/empty.tsx'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { DatasetDetail } from './dataset-detail.tsx'
import { Health } from './health.tsx'
import { ImportCard } from './import-card.tsx'
import { PreviewDialog } from './preview-dialog.tsx'

export function Files() {
  const { datasets } = useSnapshot()
  const { imports, chosenFile, openFile } = useRoomState()
  const running = useSyncExternalStore(imports.all.subscribe, imports.all.get)
  const openName = useSyncExternalStore(openFile.subscribe, openFile.get)
  const chosen = useSyncExternalStore(chosenFile.subscribe, chosenFile.get)
  const opened = datasets.find((info) => info.name === openName)
  return (
    <div className="files">
      {opened ? (
        <DatasetDetail info={opened} />
      ) : (
        <>
          <FilesHead onChoose={chosenFile.set} />
          {running.length > 0 && (
            <ul className="import-list">
              {running.map((one) => (
                <ImportCard key={one.id} item={one} onEnd={() => imports.end(one.id)} />
              ))}
            </ul>
          )}
          {datasets.length === 0 && running.length === 0 ? (
            <Empty
              icon={<Database aria-hidden="true" />}
              title={text.files.empty}
              hint={text.files.emptyHint}
            />
          ) : (
            <ul className="dataset-list">
              {datasets.map((info) => (
                <DatasetRow key={info.id} info={info} onOpen={() => openFile.set(info.name)} />
              ))}
            </ul>
          )}
        </>
      )}
      {chosen && (
        <PreviewDialog
          key={chosen.name}
          file={chosen}
          onClose={() => chosenFile.set(undefined)}
          onAdd={(name, options) => {
            imports.start(name, chosen, options)
            openFile.set(undefined)
            chosenFile.set(undefined)
          }}
        />
      )}
    </div>
  )
}

function FilesHead({ onChoose }: { onChoose: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const isTouched = useMedia('(pointer: coarse)')
  return (
    <header className="view-head">
      <div>
        <h2>{text.files.title}</h2>
        <p className="muted">{isTouched ? text.files.dropless : text.files.drop}</p>
      </div>
      <input
        ref={input}
        type="file"
        className="visually-hidden"
        tabIndex={-1}
        aria-label={text.files.add}
        accept=".csv,.tsv,.tab,.json,.geojson,.ndjson,.jsonl,.txt,.log,text/*"
        onChange={(event) => {
          const file = event.target.files?.[0]
          if (file) onChoose(file)
          event.target.value = ''
        }}
      />
      <button type="button" className="button button-primary" onClick={() => input.current?.click()}>
        <FileUp aria-hidden="true" /> {text.files.add}
      </button>
    </header>
  )
}

function DatasetRow({ info, onOpen }: { info: DatasetInfo; onOpen: () => void }) {
  return (
    <li>
      <button type="button" className="dataset-row" onClick={onOpen}>
        <span className="dataset-kind">{info.format.kind}</span>
        <span className="dataset-main">
          <span className="dataset-name">{info.name}</span>
          <span className="muted small">
            {text.files.records(info.records)} · {bytesText(info.bytes)} · {text.files.parts(info.shardCount)}
          </span>
        </span>
        <Health info={info} />
      </button>
    </li>
  )
}
