import { FileUp } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Notice } from '../parts/notice.tsx'
import { text } from '../text.ts'
import { droppedIn } from './dropped.ts'

interface DropZoneProps {
  /** A file that is dropped on the page. */
  readonly onDrop: (file: File) => void
  /** A file that is dropped on the conversation. */
  readonly onAttach: (file: File) => void
}

/** While it is mounted, a file dropped anywhere on the page is taken. */
export function DropZone({ onDrop, onAttach }: DropZoneProps) {
  const [over, setOver] = useState<'page' | 'chat'>()
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const onDragOver = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(placeOf(event))
    }
    const onLeave = (event: DragEvent) => event.relatedTarget === null && setOver(undefined)
    const onDropped = (event: DragEvent) => {
      setOver(undefined)
      if (!event.dataTransfer || !hasFiles(event)) return
      event.preventDefault()
      const { files, folders } = droppedIn(event.dataTransfer)
      const place = placeOf(event)
      const taken = place === 'page' ? files.slice(0, 1) : files
      const others = files.slice(taken.length).map(({ name }) => name)
      setProblem(text.files.notTaken(folders, others))
      for (const file of taken) (place === 'page' ? onDrop : onAttach)(file)
    }
    addEventListener('dragover', onDragOver, { signal })
    addEventListener('dragleave', onLeave, { signal })
    addEventListener('drop', onDropped, { signal })
    return () => controller.abort()
  }, [onDrop, onAttach])
  if (over === undefined)
    return problem && <NotTaken problem={problem} onClose={() => setProblem(undefined)} />
  return (
    <div className="drop-zone">
      <p>
        <FileUp aria-hidden="true" /> {over === 'chat' ? text.chat.dropNow : text.files.dropNow}
      </p>
    </div>
  )
}

function NotTaken({ problem, onClose }: { problem: string; onClose: () => void }) {
  return (
    <div className="not-taken" role="alert">
      <Notice kind="warning">
        {problem}{' '}
        <button type="button" className="quiet-link" onClick={onClose}>
          {text.room.close}
        </button>
      </Notice>
    </div>
  )
}

function placeOf({ target }: DragEvent): 'page' | 'chat' {
  return target instanceof Element && target.closest('.chat-room') ? 'chat' : 'page'
}
