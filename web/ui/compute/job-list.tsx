import type { Job } from '../../compute/index.ts'
import { useJob } from '../../react-hooks/use-job.ts'
import { durationText, timeText } from '../format.ts'
import { text } from '../text.ts'
import { useElapsedMs } from './elapsed.ts'

/** Jobs of this session, newest first. */
export function JobList({
  jobs,
  openId,
  onOpen,
}: {
  jobs: readonly Job[]
  openId: string | undefined
  onOpen: (id: string) => void
}) {
  if (jobs.length === 0) return <p className="muted job-none">{text.compute.noJobs}</p>
  return (
    <section className="job-list" aria-label={text.compute.jobs}>
      <h3 className="visually-hidden">{text.compute.jobs}</h3>
      <ul>
        {jobs.map((job, at) => (
          <JobRow
            key={job.id}
            job={job}
            number={jobs.length - at}
            isOpen={job.id === openId}
            onOpen={() => onOpen(job.id)}
          />
        ))}
      </ul>
    </section>
  )
}

function JobRow({
  job,
  number,
  isOpen,
  onOpen,
}: {
  job: Job
  number: number
  isOpen: boolean
  onOpen: () => void
}) {
  const snapshot = useJob(job)
  const { state, dataset, startedAt } = snapshot
  const elapsedMs = useElapsedMs(snapshot)
  return (
    <li>
      <button type="button" className="job-row" aria-current={isOpen ? 'true' : undefined} onClick={onOpen}>
        <span className={`state-dot state-${state}`} aria-hidden="true" />
        <span className="job-row-name" title={dataset}>
          {number}. {dataset}
        </span>
        <span className="muted small">
          {text.compute.state[state]}, {durationText(elapsedMs)}, {timeText(startedAt)}
        </span>
      </button>
    </li>
  )
}
