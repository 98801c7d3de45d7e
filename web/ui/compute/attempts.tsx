import type { AttemptView, JobSnapshot, TaskView } from '../../compute/index.ts'
import { durationText, plural } from '../format.ts'
import { VirtualTable } from '../parts/virtual-table.tsx'
import { useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'

const COLUMNS = [
  { label: text.compute.columns.task, width: '7rem' },
  { label: text.compute.columns.person, width: '11rem' },
  { label: text.compute.columns.state, width: '8rem' },
  { label: text.compute.columns.data, width: '7rem' },
  { label: text.compute.columns.time, width: '7.5rem', isNumber: true },
  { label: text.compute.columns.reason },
]
const ORDER: readonly AttemptView['state'][] = ['failed', 'running', 'queued', 'committed', 'discarded']

/** All attempts, the failed ones first. */
export function Attempts({ snapshot }: { snapshot: JobSnapshot }) {
  const directory = useDirectory()
  const rows = snapshot.tasks
    .flatMap((task) => task.attempts.map((attempt) => ({ task, attempt })))
    .sort(
      (a, b) =>
        ORDER.indexOf(a.attempt.state) - ORDER.indexOf(b.attempt.state) ||
        a.attempt.startedMs - b.attempt.startedMs,
    )
  if (rows.length === 0) return null
  const failed = rows.filter(({ attempt }) => attempt.state === 'failed').length
  const cell = (row: number, column: number) => {
    const found = rows[row]
    if (found === undefined) return ''
    const { task, attempt } = found
    const time = attempt.endedMs === undefined ? '' : durationText(attempt.endedMs - attempt.startedMs)
    return [
      taskName(task, snapshot.tasks),
      directory(attempt.peer).name,
      text.compute.attempt[attempt.state],
      text.compute.locality[attempt.locality],
      time,
      attempt.reason ?? '',
    ][column]
  }
  return (
    <details className="twin">
      <summary>
        {text.compute.attempts}: {rows.length}
        {failed > 0 && <span className="attempts-failed"> ({plural(failed, 'attempt')} failed)</span>}
      </summary>
      <VirtualTable label={text.compute.attempts} columns={COLUMNS} rowCount={rows.length} cell={cell} />
    </details>
  )
}

function taskName(task: TaskView, tasks: readonly TaskView[]): string {
  const inStage = tasks.filter((other) => other.stage === task.stage)
  return `${task.stage} ${inStage.indexOf(task) + 1}`
}
