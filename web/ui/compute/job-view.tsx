import { CircleStop } from 'lucide-react'
import { useRef } from 'react'
import type { Job, JobSnapshot } from '../../compute/index.ts'
import { useJob } from '../../react-hooks/use-job.ts'
import { countText, durationText, plural } from '../format.ts'
import { useInSight } from '../hooks.ts'
import { Progress } from '../parts/progress.tsx'
import { text } from '../text.ts'
import { Attempts } from './attempts.tsx'
import { isRunning, useElapsedMs } from './elapsed.ts'
import { JobFailure } from './job-failure.tsx'
import { JobResult } from './job-result.tsx'
import { TaskStrip } from './task-strip.tsx'

/** A job that was started just now is brought into sight, and later what came of it. */
const FRESH_MS = 500

/** A job's report: how far it is, who does what, and what came out. */
export function JobView({ job }: { job: Job }) {
  const snapshot = useJob(job)
  const isFresh = useRef(Date.now() - snapshot.startedAt < FRESH_MS).current
  const element = useInSight<HTMLElement>(isFresh)
  return (
    <article ref={element} className="job" aria-labelledby="job-title">
      <header className="job-head">
        <h3 id="job-title">
          {text.compute.state[snapshot.state]} <span className="muted">· {snapshot.dataset}</span>
        </h3>
        {isRunning(snapshot) && (
          <button type="button" className="button" onClick={() => job.cancel()}>
            <CircleStop aria-hidden="true" /> {text.compute.cancel}
          </button>
        )}
      </header>
      <JobProgress snapshot={snapshot} />
      {snapshot.error && <JobFailure error={snapshot.error} isFresh={isFresh} />}
      {snapshot.state === 'done' && <JobResult job={job} dataset={snapshot.dataset} isFresh={isFresh} />}
      <TaskStrip snapshot={snapshot} />
      <Attempts snapshot={snapshot} />
    </article>
  )
}

function JobProgress({ snapshot }: { snapshot: JobSnapshot }) {
  const { tasks, counters } = snapshot
  const elapsedMs = useElapsedMs(snapshot)
  const done = tasks.filter((task) => task.state === 'committed').length
  const words = [
    `${countText(done)} of ${plural(tasks.length, 'task')}`,
    durationText(elapsedMs),
    plural(counters.recordsRead, 'record'),
    text.compute.moved(counters.bytesMoved),
  ]
  const own = Object.entries(counters.user).map(([name, count]) => `${name}: ${countText(count)}`)
  return (
    <>
      <Progress
        label={text.compute.state[snapshot.state]}
        value={tasks.length === 0 ? 0 : done / tasks.length}
        words={words.join(' · ')}
      />
      {snapshot.state === 'done' && (
        <p className="small muted">
          {[text.compute.placed(counters.tasksLocal, counters.tasksMoved), ...own].join(' · ')}
        </p>
      )}
    </>
  )
}
