import type { ReactNode } from 'react'

/** What a view says when it has nothing to show: why, and what to do. */
export function Empty({
  icon,
  title,
  hint,
  children,
}: {
  icon: ReactNode
  title: string
  hint: string
  children?: ReactNode
}) {
  return (
    <div className="empty">
      <span className="empty-icon">{icon}</span>
      <p className="empty-title">{title}</p>
      <p className="muted">{hint}</p>
      {children}
    </div>
  )
}
