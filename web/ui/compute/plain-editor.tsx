export interface EditorProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
}

/** A plain text field, until the editor has come, and where it does not come. */
export function PlainEditor({ label, value, onChange }: EditorProps) {
  return (
    <textarea
      className="code-editor code-plain"
      aria-label={label}
      spellCheck={false}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  )
}
