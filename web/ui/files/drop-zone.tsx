import { FileUp } from 'lucide-react'
import { useEffect, useState } from 'react'
import { text } from '../text.ts'

/** While it is mounted, a file dropped anywhere on the page is taken. */
export function DropZone({ onDrop }: { onDrop: (file: File) => void }) {
  const [isOver, setOver] = useState(false)
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const onDragOver = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    }
    const onLeave = (event: DragEvent) => event.relatedTarget === null && setOver(false)
    const onDropped = (event: DragEvent) => {
      setOver(false)
      const file = event.dataTransfer?.files[0]
      if (!file) return
      event.preventDefault()
      onDrop(file)
    }
    addEventListener('dragover', onDragOver, { signal })
    addEventListener('dragleave', onLeave, { signal })
    addEventListener('drop', onDropped, { signal })
    return () => controller.abort()
  }, [onDrop])
  if (!isOver) return null
  return (
    <div className="drop-zone">
      <p>
        <FileUp aria-hidden="true" /> {text.files.dropNow}
      </p>
    </div>
  )
}
