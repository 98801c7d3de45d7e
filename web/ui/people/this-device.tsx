import { Square } from 'lucide-react'
import { useMemo } from 'react'
import type { RunningWork } from '../../compute/index.ts'
import { calm, useList, useNode, useSnapshot } from '../hooks.ts'
import { text } from '../text.ts'
import { useDirectory } from './directory.ts'

const CALM_MS = 250

/** What this device does for the others, and the switches to stop it. */
export function ThisDevice() {
  const node = useNode()
  const { holdsData, takesWork, shardsHeld, bytesHeld, storage } = useSnapshot()
  return (
    <section className="this-device" aria-labelledby="device-title">
      <h2 id="device-title" className="section-title">
        {text.people.here}
      </h2>
      <Switch
        label={text.people.keep}
        isOn={holdsData}
        onChange={(isOn) => node.configure({ holdsData: isOn })}
      />
      <p className="muted small">{text.people.stored(shardsHeld, bytesHeld)}</p>
      {storage && (
        <p className="muted small">
          {/* The browser's own figure lags behind. */}
          {text.people.quota(Math.max(storage.usedBytes, bytesHeld), storage.quotaBytes)}
        </p>
      )}
      <Switch
        label={text.people.run}
        isOn={takesWork}
        onChange={(isOn) => node.configure({ takesWork: isOn })}
      />
      <RunningList />
    </section>
  )
}

function RunningList() {
  const { jobs } = useNode()
  const directory = useDirectory()
  const subscribe = useMemo(() => calm((listener) => jobs.subscribe(listener), CALM_MS), [jobs])
  const works = useList(subscribe, () => jobs.running(), isSameWork)
  if (works.length === 0) return <p className="muted small">{text.people.idle}</p>
  return (
    <ul className="work-list" aria-label={text.people.running}>
      {works.map((work) => {
        const words = text.people.work(work.attempts, work.dataset, directory(work.submitter).name)
        return (
          <li key={work.jobId}>
            <span>{words}</span>
            <button
              type="button"
              className="button button-small"
              aria-label={`${text.people.stop}: ${words}`}
              onClick={() => jobs.stop(work.jobId)}
            >
              <Square aria-hidden="true" /> {text.people.stop}
            </button>
          </li>
        )
      })}
    </ul>
  )
}

function isSameWork(a: RunningWork, b: RunningWork): boolean {
  return a.jobId === b.jobId && a.attempts === b.attempts
}

function Switch({
  label,
  isOn,
  onChange,
}: {
  label: string
  isOn: boolean
  onChange: (isOn: boolean) => void
}) {
  return (
    <label className="switch">
      <input
        type="checkbox"
        role="switch"
        aria-checked={isOn}
        checked={isOn}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span className="switch-track" aria-hidden="true" />
      <span>{label}</span>
    </label>
  )
}
