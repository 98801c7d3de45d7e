/** The sign of Tabmesh: three tabs and the links between them. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path className="mark-link" d="M9 10 23 8M9 10l8 14M23 8l-6 16" />
      <rect className="mark-a" x="3" y="5" width="11" height="9" rx="2.5" />
      <rect className="mark-b" x="19" y="4" width="9" height="8" rx="2.5" />
      <rect className="mark-c" x="11" y="19" width="12" height="9" rx="2.5" />
    </svg>
  )
}
