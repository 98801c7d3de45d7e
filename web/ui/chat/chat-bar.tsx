import { Bell, BellOff, Search } from 'lucide-react'
import { useState, useSyncExternalStore } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { SearchDialog } from './search-dialog.tsx'

const CHOICES = [
  ['off', text.chat.notifyOff],
  ['mentions', text.chat.notifyMentions],
  ['all', text.chat.notifyAll],
] as const

/** The open topic, with search and notifications. */
export function ChatBar({ topic }: { topic: string }) {
  const { notifications } = useRoomState()
  const choice = useSyncExternalStore(notifications.choice.subscribe, notifications.choice.get)
  const [open, setOpen] = useState<'search' | 'notify'>()
  const BellIcon = choice === 'off' || choice === 'denied' ? BellOff : Bell
  return (
    <div className="chat-bar">
      <h2 className="chat-title">#{topic.slice('chat.'.length)}</h2>
      <button
        type="button"
        className="icon-button"
        aria-label={text.chat.search}
        title={text.chat.search}
        onClick={() => setOpen('search')}
      >
        <Search aria-hidden="true" />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={text.chat.notify}
        title={text.chat.notify}
        onClick={() => setOpen('notify')}
      >
        <BellIcon aria-hidden="true" />
      </button>
      {open === 'search' && <SearchDialog onClose={() => setOpen(undefined)} />}
      {open === 'notify' && (
        <Dialog title={text.chat.notify} onClose={() => setOpen(undefined)}>
          <fieldset className="choices">
            <legend className="muted small">{text.chat.notifyHint}</legend>
            {CHOICES.map(([value, words]) => (
              <label key={value} className="choice">
                <input
                  type="radio"
                  name="notify"
                  checked={choice === value || (value === 'off' && choice === 'denied')}
                  onChange={() => void notifications.choose(value)}
                />
                {words}
              </label>
            ))}
          </fieldset>
          {choice === 'denied' && <Notice kind="warning">{text.chat.notifyDenied}</Notice>}
        </Dialog>
      )}
    </div>
  )
}
