import type { AddProgress } from '../../data/index.ts'
import { bytesText, plural } from '../format.ts'
import { Notice } from '../parts/notice.tsx'
import { Progress } from '../parts/progress.tsx'
import { text } from '../text.ts'
import type { Import } from './imports.ts'

/** A file on its way in: bytes read, copies made, and a way to stop it. */
export function ImportCard({ item, onEnd }: { item: Import; onEnd: () => void }) {
  return (
    <li className="import-card">
      <div className="import-head">
        <strong>{item.name}</strong>
        <button
          type="button"
          className="button button-small"
          aria-label={`${endWord(item)}: ${item.name}`}
          onClick={onEnd}
        >
          {endWord(item)}
        </button>
      </div>
      {item.state.kind === 'failed' ? (
        <Notice kind="error">{item.state.message}</Notice>
      ) : (
        <Progress label={item.name} value={partDone(item)} words={words(item)} />
      )}
    </li>
  )
}

function endWord(item: Import): string {
  return item.state.kind === 'failed' ? text.room.close : text.room.cancel
}

function partDone(item: Import): number | undefined {
  if (item.state.kind !== 'running') return undefined
  const { progress } = item.state
  if (progress === undefined) return 0
  const { bytesRead, bytesTotal } = progress
  return phaseOf(progress) === 'reading' && bytesTotal ? bytesRead / bytesTotal : undefined
}

/** The last parts are still on their way to others when the file has been read to its end. */
function phaseOf({ phase, bytesRead, bytesTotal }: AddProgress): AddProgress['phase'] {
  return phase === 'reading' && bytesTotal !== undefined && bytesRead >= bytesTotal ? 'replicating' : phase
}

function words(item: Import): string {
  const progress = item.state.kind === 'running' ? item.state.progress : undefined
  if (progress === undefined)
    return `${text.files.phase.reading}: ${bytesText(0)} of ${bytesText(item.bytes)}`
  const read = `${bytesText(progress.bytesRead)}${progress.bytesTotal === undefined ? '' : ` of ${bytesText(progress.bytesTotal)}`}`
  const parts = [
    read,
    plural(progress.records, 'record'),
    plural(progress.shards, 'part'),
    plural(progress.copiesStored, 'copy stored', 'copies stored'),
  ]
  return `${text.files.phase[phaseOf(progress)]}: ${parts.join(', ')}`
}
