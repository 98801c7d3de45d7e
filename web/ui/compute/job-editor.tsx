import { useSyncExternalStore } from 'react'
import { Boundary } from '../parts/boundary.tsx'
import { Tabs } from '../parts/tabs.tsx'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { CodeEditor } from './compute-parts.ts'
import { type JobDraft, PARTS } from './drafts.ts'
import { type EditorProps, PlainEditor } from './plain-editor.tsx'

/** The three functions, one at a time. A plain text field stands in until the editor is loaded. */
export function JobEditor({ draft, onChange }: { draft: JobDraft; onChange: (draft: JobDraft) => void }) {
  const { drafts } = useRoomState()
  const part = useSyncExternalStore(drafts.part.subscribe, drafts.part.get)
  const props: EditorProps = {
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
      <Boundary key={part} instead={<PlainEditor {...props} />}>
        <CodeEditor {...props} />
      </Boundary>
    </Tabs>
  )
}
