import { lazy, Suspense, useSyncExternalStore } from 'react'
import { Tabs } from '../parts/tabs.tsx'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import type { CodeEditorProps } from './code-editor.tsx'
import { type JobDraft, PARTS } from './drafts.ts'

const CodeEditor = lazy(() => import('./code-editor.tsx').then((module) => ({ default: module.CodeEditor })))

/** The three functions, one at a time. A plain text field stands in until the editor is loaded. */
export function JobEditor({ draft, onChange }: { draft: JobDraft; onChange: (draft: JobDraft) => void }) {
  const { drafts } = useRoomState()
  const part = useSyncExternalStore(drafts.part.subscribe, drafts.part.get)
  const props: CodeEditorProps = {
    label: text.compute[part],
    value: draft[part],
    onChange: (value) => onChange({ ...draft, [part]: value }),
  }
  return (
    <Tabs
      label={text.compute.code}
      tabs={PARTS.map((id) => ({ id, label: text.compute[id] }))}
      selected={part}
      onSelect={drafts.part.set}
    >
      <p className="muted small editor-hint">{text.compute.hints[part]}</p>
      <Suspense fallback={<PlainEditor {...props} />}>
        <CodeEditor key={part} {...props} />
      </Suspense>
    </Tabs>
  )
}

function PlainEditor({ label, value, onChange }: CodeEditorProps) {
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
