import { Play } from 'lucide-react'
import { useMemo, useSyncExternalStore } from 'react'
import type { DatasetInfo } from '../../data/index.ts'
import { firstRecords } from '../files/first-records.tsx'
import { useAsync, useNode, useSnapshot } from '../hooks.ts'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { examplesFor } from './examples.ts'
import { JobEditor } from './job-editor.tsx'

const SAMPLE = 100

/** What to compute, over what; says before the run what will have to move. */
export function JobForm({ info, datasets }: { info: DatasetInfo; datasets: readonly DatasetInfo[] }) {
  const node = useNode()
  const { drafts, openJob } = useRoomState()
  const { value: sample = [] } = useAsync(
    (signal) => firstRecords(node.datasets.get(info.name), SAMPLE, signal),
    [info.id],
  )
  const examples = useMemo(() => examplesFor(info.format, sample), [info.format, sample])
  const written = useSyncExternalStore(drafts.draft.subscribe, drafts.draft.get)
  const draft = written ?? examples[0] ?? { map: '', combine: '', reduce: '' }
  const run = () => {
    const { map, combine, reduce } = draft
    const job = node.jobs.mapReduce({
      dataset: info.name,
      map,
      ...(combine.trim() === '' ? {} : { combine }),
      ...(reduce.trim() === '' ? {} : { reduce }),
    })
    job.result().catch(() => {
      // Its report shows why.
    })
    openJob.set(job.id)
  }
  return (
    <section className="job-form" aria-label={text.compute.title}>
      <div className="job-choices">
        <label className="job-over">
          <span>{text.compute.over}</span>
          <select
            className="input"
            value={info.name}
            onChange={(event) => {
              drafts.draft.set(undefined)
              drafts.dataset.set(event.target.value)
            }}
          >
            {datasets.map((one) => (
              <option key={one.id}>{one.name}</option>
            ))}
          </select>
        </label>
        <fieldset className="examples">
          <legend className="visually-hidden">{text.compute.examples}</legend>
          {examples.map((example) => (
            <button
              key={example.title}
              type="button"
              className="chip"
              aria-pressed={draft.map === example.map && draft.reduce === example.reduce}
              onClick={() => drafts.draft.set(example)}
            >
              {example.title}
            </button>
          ))}
        </fieldset>
      </div>
      <JobEditor draft={draft} onChange={drafts.draft.set} />
      <div className="run-row">
        <button
          type="button"
          className="button button-primary button-run"
          onClick={run}
          disabled={draft.map.trim() === ''}
        >
          <Play aria-hidden="true" /> {text.compute.run}
        </button>
        <LocalityLine name={info.name} />
      </div>
    </section>
  )
}

/** Renders with the snapshot, since members and holders decide it. */
function LocalityLine({ name }: { name: string }) {
  const { jobs } = useNode()
  useSnapshot()
  const { local, shards, bytesToMove } = jobs.locality(name)
  return <p className="locality">{text.compute.local(local, shards, bytesToMove)}</p>
}
