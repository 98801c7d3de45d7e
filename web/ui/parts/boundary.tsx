import { RotateCw } from 'lucide-react'
import { Component, type ReactNode } from 'react'
import { text } from '../text.ts'
import { Notice } from './notice.tsx'
import { PartError } from './part.tsx'

interface BoundaryProps {
  readonly children: ReactNode
  /** Stands for what has failed; left out, the failure is told. */
  readonly instead?: ReactNode
}

/**
 * What fails inside is told in its place, with the way on; all around it goes on. Give it a `key` of what it shows, so
 * that the failure of one view is not shown for the next.
 */
export class Boundary extends Component<BoundaryProps, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: undefined }

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error: error ?? new Error('nothing was said') }
  }

  override render(): ReactNode {
    const { error } = this.state
    const { children, instead } = this.props
    if (error === undefined) return children
    if (instead !== undefined) return instead
    return <Failure error={error} onAgain={() => this.setState({ error: undefined })} />
  }
}

function Failure({ error, onAgain }: { error: unknown; onAgain: () => void }) {
  const isAbsent = error instanceof PartError
  const [title, body] = isAbsent ? text.parts.absent : text.parts.failed
  return (
    <div className="failure">
      <Notice kind="error">
        <p>
          <strong>{title}</strong> {body}
        </p>
        {!isAbsent && (
          <p className="failure-words">{error instanceof Error ? error.message : String(error)}</p>
        )}
        <div className="action-row">
          <button type="button" className="button button-small" onClick={onAgain}>
            {text.retry}
          </button>
          <button type="button" className="button button-small" onClick={() => location.reload()}>
            <RotateCw aria-hidden="true" /> {text.parts.reload}
          </button>
        </div>
      </Notice>
    </div>
  )
}
