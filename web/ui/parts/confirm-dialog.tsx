import { text } from '../text.ts'
import { Dialog } from './dialog.tsx'

interface ConfirmDialogProps {
  readonly title: string
  readonly body: string
  readonly confirm: string
  readonly onConfirm: () => void
  readonly onClose: () => void
}

/** Asks before something that cannot be undone. The safe answer has the focus. */
export function ConfirmDialog({ title, body, confirm, onConfirm, onClose }: ConfirmDialogProps) {
  const actions = (
    <>
      <button type="button" className="button" data-autofocus onClick={onClose}>
        {text.room.cancel}
      </button>
      <button type="button" className="button button-danger" onClick={onConfirm}>
        {confirm}
      </button>
    </>
  )
  return (
    <Dialog title={title} onClose={onClose} actions={actions}>
      <p>{body}</p>
    </Dialog>
  )
}
