import { X } from 'lucide-react'
import { type ReactNode, useEffect, useId, useRef } from 'react'
import { text } from '../text.ts'
import { Boundary } from './boundary.tsx'

interface DialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
  readonly actions?: ReactNode
  readonly size?: 'small' | 'large'
}

/**
 * A modal over the page while it is mounted. Esc closes it, and focus returns to where it was. It begins at the element
 * with `data-autofocus`: React's own `autoFocus` comes while the dialog is still closed, and does nothing.
 */
export function Dialog({ title, onClose, children, actions, size = 'small' }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    const opener = document.activeElement
    const dialog = element.current
    dialog?.showModal()
    dialog?.querySelector<HTMLElement>('[data-autofocus]')?.focus()
    return () => {
      dialog?.close()
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc is the key for what a click on the backdrop does.
    <dialog
      ref={element}
      className={`dialog dialog-${size}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <div className="dialog-frame">
        <div className="dialog-head">
          <h2 id={titleId}>{title}</h2>
          <button type="button" className="icon-button" aria-label={text.room.close} onClick={onClose}>
            <X aria-hidden="true" />
          </button>
        </div>
        <div className="dialog-body">
          <Boundary>{children}</Boundary>
        </div>
        {actions && <div className="dialog-actions">{actions}</div>}
      </div>
    </dialog>
  )
}
