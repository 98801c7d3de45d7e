import { FileUp } from 'lucide-react'
import { useEffect, useState } from 'react'
import { text } from '../text.ts'

interface DropZoneProps {
  /** A file that is dropped on the page. */
  readonly onDrop: (file: File) => void
  /** A file that is dropped on the conversation. */
  readonly onAttach: (file: File) => void
}

/** While it is mounted, a file dropped anywhere on the page is taken. */
export function DropZone({ onDrop, onAttach }: DropZoneProps) {
  const [over, setOver] = useState<'page' | 'chat'>()
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
      const [first, ...others] = event.dataTransfer?.files ?? []
      if (!first) return
      event.preventDefault()
      if (placeOf(event) === 'page') return onDrop(first)
      for (const file of [first, ...others]) onAttach(file)
    }
    addEventListener('dragover', onDragOver, { signal })
    addEventListener('dragleave', onLeave, { signal })
    addEventListener('drop', onDropped, { signal })
    return () => controller.abort()
  }, [onDrop, onAttach])
  if (over === undefined) return null
  return (
    <div className="drop-zone">
      <p>
        <FileUp aria-hidden="true" /> {over === 'chat' ? text.chat.dropNow : text.files.dropNow}
      </p>
    </div>
  )
}

function placeOf({ target }: DragEvent): 'page' | 'chat' {
  return target instanceof Element && target.closest('.chat-room') ? 'chat' : 'page'
}
