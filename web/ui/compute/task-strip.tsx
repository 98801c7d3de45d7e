import type { PeerId } from '../../base/index.ts'
import type { AttemptView, JobSnapshot, TaskView } from '../../compute/index.ts'
import { plural } from '../format.ts'
import { Avatar } from '../parts/avatar.tsx'
import { nameOf, useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'

type Look = 'local' | 'moved' | 'reduce' | 'running' | 'failed' | 'discarded'
const LOOKS: readonly Look[] = ['local', 'moved', 'reduce', 'running', 'failed', 'discarded']

/** For each person a row of their attempts, in the order in which they began. Colour and shape say the same. */
export function TaskStrip({ snapshot }: { snapshot: JobSnapshot }) {
  const directory = useDirectory()
  const rows = rowsOf(snapshot.tasks)
  if (rows.length === 0) return null
  const seen = new Set(rows.flatMap(({ looks }) => looks))
  return (
    <section className="strip" aria-labelledby="strip-title">
      <h4 id="strip-title">{text.compute.tasks}</h4>
      <ul className="strip-rows">
        {rows.map(({ peer, looks }) => {
          const person = directory(peer)
          return (
            <li key={peer} className="strip-row">
              <Avatar person={person} size="small" />
              <span className="strip-name">{nameOf(person)}</span>
              <span className="strip-cells" aria-hidden="true">
                {looks.map((look, at) => (
                  <span key={at} className={`cell-task task-${look}`} />
                ))}
              </span>
              <span className="muted small strip-sum">{summary(looks)}</span>
            </li>
          )
        })}
      </ul>
      <ul className="legend">
        {LOOKS.filter((look) => seen.has(look)).map((look) => (
          <li key={look}>
            <span className={`cell-task task-${look}`} aria-hidden="true" /> {text.compute.legend[look]}
          </li>
        ))}
      </ul>
    </section>
  )
}

function rowsOf(tasks: readonly TaskView[]): readonly { peer: PeerId; looks: readonly Look[] }[] {
  const attempts = tasks
    .flatMap((task) =>
      task.attempts
        .filter((attempt) => attempt.state !== 'queued')
        .map((attempt) => ({ attempt, look: lookOf(task, attempt) })),
    )
    .sort((a, b) => a.attempt.startedMs - b.attempt.startedMs)
  const rows = new Map<PeerId, Look[]>()
  for (const { attempt, look } of attempts) {
    const row = rows.get(attempt.peer)
    if (row) row.push(look)
    else rows.set(attempt.peer, [look])
  }
  return [...rows].map(([peer, looks]) => ({ peer, looks })).sort((a, b) => (a.peer < b.peer ? -1 : 1))
}

function lookOf(task: TaskView, attempt: AttemptView): Look {
  if (attempt.state === 'failed' || attempt.state === 'discarded' || attempt.state === 'running')
    return attempt.state
  return task.stage === 'reduce' ? 'reduce' : attempt.locality
}

function summary(looks: readonly Look[]): string {
  const failed = looks.filter((look) => look === 'failed').length
  const running = looks.filter((look) => look === 'running').length
  const parts = [plural(looks.length, 'task')]
  if (running > 0) parts.push(`${running} ${text.compute.legend.running}`)
  if (failed > 0) parts.push(`${failed} ${text.compute.legend.failed}`)
  return parts.join(', ')
}
