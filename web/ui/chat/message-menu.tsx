import { Ellipsis, Pencil, Reply, Trash2 } from 'lucide-react'
import { type KeyboardEvent, type ReactNode, useRef, useState } from 'react'
import { useNode } from '../hooks.ts'
import { ConfirmDialog } from '../parts/confirm-dialog.tsx'
import { text } from '../text.ts'
import { about, type ChatMessage, REACTIONS } from './conversation.ts'
import { useComposing } from './use-composing.ts'
import { useReact } from './use-react.ts'

/** What one can do with a message: behind one button, reachable by keyboard. */
export function MessageMenu({ topic, message }: { topic: string; message: ChatMessage }) {
  const node = useNode()
  const { setComposing } = useComposing(topic)
  const react = useReact(topic)
  const [isOpen, setOpen] = useState(false)
  const [isUpward, setUpward] = useState(false)
  const [isDeleting, setDeleting] = useState(false)
  const frame = useRef<HTMLDivElement>(null)
  const opener = useRef<HTMLButtonElement>(null)
  const isOwn = message.entry.from === node.id
  const close = () => {
    setOpen(false)
    opener.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && isOpen) close()
  }
  const compose = (kind: 'reply' | 'edit') => {
    setOpen(false)
    setComposing({ kind, message })
  }
  const remove = () => {
    setDeleting(false)
    const headers = { name: node.name, ...about('delete', message.entry.id) }
    node
      .topic(topic)
      .publish('', { headers })
      .catch(() => {
        // It stands among the failed messages, to be sent again.
      })
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape and leaving close what is open inside.
    <div
      ref={frame}
      className={isOpen ? 'message-menu is-open' : 'message-menu'}
      onKeyDown={onKeyDown}
      onBlur={(event) => !frame.current?.contains(event.relatedTarget) && setOpen(false)}
    >
      <button
        ref={opener}
        type="button"
        className="icon-button"
        aria-label={text.chat.actions}
        aria-expanded={isOpen}
        onClick={() => {
          setUpward(hasMoreRoomAbove(opener.current))
          setOpen(!isOpen)
        }}
      >
        <Ellipsis aria-hidden="true" />
      </button>
      {isOpen && (
        <div className={isUpward ? 'menu is-upward' : 'menu'}>
          <div className="menu-signs">
            {REACTIONS.map((sign) => (
              <button
                key={sign}
                type="button"
                className="menu-sign"
                aria-label={text.chat.react(sign)}
                onClick={() => {
                  react(message, sign)
                  close()
                }}
              >
                {sign}
              </button>
            ))}
          </div>
          <MenuItem icon={<Reply aria-hidden="true" />} onClick={() => compose('reply')}>
            {text.chat.reply}
          </MenuItem>
          {isOwn && !message.file && (
            <MenuItem icon={<Pencil aria-hidden="true" />} onClick={() => compose('edit')}>
              {text.chat.edit}
            </MenuItem>
          )}
          {isOwn && (
            <MenuItem
              icon={<Trash2 aria-hidden="true" />}
              onClick={() => {
                setOpen(false)
                setDeleting(true)
              }}
            >
              {text.chat.remove}
            </MenuItem>
          )}
        </div>
      )}
      {isDeleting && (
        <ConfirmDialog
          title={text.chat.removeTitle}
          body={text.chat.removeBody}
          confirm={text.chat.remove}
          onConfirm={remove}
          onClose={() => setDeleting(false)}
        />
      )}
    </div>
  )
}

/** The newest message is at the end of the log: below it a menu would be cut off. */
function hasMoreRoomAbove(opener: Element | null): boolean {
  const log = opener?.closest('.log')?.getBoundingClientRect()
  const place = opener?.getBoundingClientRect()
  return log !== undefined && place !== undefined && place.top - log.top > log.bottom - place.bottom
}

function MenuItem({
  icon,
  children,
  onClick,
}: {
  icon: ReactNode
  children: ReactNode
  onClick: () => void
}) {
  return (
    <button type="button" className="menu-item" onClick={onClick}>
      {icon} {children}
    </button>
  )
}
