import { useMemo, useState } from 'react'
import { dayText, timeText } from '../format.ts'
import { useNode } from '../hooks.ts'
import { Dialog } from '../parts/dialog.tsx'
import { useDirectory } from '../people/directory.ts'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { type Found, search } from './conversation.ts'

const MAX_FOUND = 50

/** Every message of this room that has the words; choosing one shows it in its topic. */
export function SearchDialog({ onClose }: { onClose: () => void }) {
  const { history } = useNode()
  const state = useRoomState()
  const [query, setQuery] = useState('')
  const found = useMemo(() => {
    const topics = history.topics().filter((topic) => topic.startsWith('chat.'))
    return search(topics, (topic) => history.entries(topic), query, MAX_FOUND)
  }, [history, query])
  const show = ({ topic, message }: Found) => {
    onClose()
    state.topic.set(topic)
    state.jumpTo.set(message.entry.id)
  }
  return (
    <Dialog title={text.chat.search} onClose={onClose} size="large">
      <input
        className="input"
        type="search"
        data-autofocus
        aria-label={text.chat.searchHint}
        placeholder={text.chat.searchHint}
        value={query}
        onChange={(event) => setQuery(event.target.value)}
      />
      <p className="muted small" role="status">
        {query.trim() === ''
          ? ''
          : found.length === 0
            ? text.chat.searchNone
            : text.chat.searchCount(found.length)}
      </p>
      <ul className="found-list">
        {found.map((one) => (
          <li key={one.message.entry.id}>
            <FoundMessage found={one} onShow={() => show(one)} />
          </li>
        ))}
      </ul>
    </Dialog>
  )
}

function FoundMessage({ found: { topic, message }, onShow }: { found: Found; onShow: () => void }) {
  const { entry } = message
  const { name } = useDirectory()(entry.from, String(entry.headers['name'] ?? ''))
  return (
    <button type="button" className="found" onClick={onShow}>
      <span className="found-head">
        <strong>{name}</strong> #{topic.slice('chat.'.length)} · {dayText(entry.sentAt, Date.now())},{' '}
        {timeText(entry.sentAt)}
      </span>
      <span className="found-text">{message.text}</span>
    </button>
  )
}
