import type { JobError } from '../../compute/index.ts'
import { useInSight } from '../hooks.ts'
import { Notice } from '../parts/notice.tsx'
import { useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'

/** The sandbox's script, by an address that says nothing. */
const SCRIPT = /blob:\S*?\/[0-9a-f-]{36}:/g

/** Why a job failed: whose tab, which record, which line. */
export function JobFailure({ error, isFresh }: { error: JobError; isFresh: boolean }) {
  const directory = useDirectory()
  const element = useInSight<HTMLDivElement>(isFresh)
  if (error.code === 'cancelled') return <Notice kind="info">{text.compute.cancelled}</Notice>
  const stack = jobFrames(error.stack ?? '')
  return (
    <div ref={element}>
      <Notice kind="error">
        <p>
          <strong>{error.message}</strong>
          {error.peer && <> {text.compute.failedAt(directory(error.peer).name)}</>}
        </p>
        {error.record !== undefined && (
          <p className="failure-part">
            {text.compute.record}: <code>{error.record}</code>
          </p>
        )}
        {stack !== '' && (
          <details className="failure-part">
            <summary>{text.compute.stack}</summary>
            <pre>{stack}</pre>
          </details>
        )}
      </Notice>
    </div>
  )
}

/** Of a stack that was thrown in the sandbox, what lies there; nothing of the page's own. */
function jobFrames(stack: string): string {
  if (stack.search(SCRIPT) < 0) return ''
  return stack.replaceAll(SCRIPT, '')
}
