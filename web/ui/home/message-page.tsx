import type { ReactNode } from 'react'
import { Mark } from '../parts/mark.tsx'
import { text } from '../text.ts'

interface MessagePageProps {
  readonly title: string
  readonly body: string
  readonly children?: ReactNode
  /** Words of the machine, for who wants to know more. */
  readonly detail?: string | undefined
  readonly isBusy?: boolean
  readonly onHome?: () => void
}

/** A page of a few words: joining, a failure, the end of a room. */
export function MessagePage({ title, body, children, detail, isBusy = false, onHome }: MessagePageProps) {
  return (
    <main className="message-page" aria-busy={isBusy}>
      <Mark size={44} />
      <h1>{title}</h1>
      {body && <p className="lead">{body}</p>}
      {detail && <p className="muted small">{detail}</p>}
      {children}
      {onHome && (
        <button type="button" className="quiet-link" onClick={onHome}>
          {text.back}
        </button>
      )}
    </main>
  )
}
