import { Hash, Plus } from 'lucide-react'
import { type FormEvent, useState, useSyncExternalStore } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { topicOf, useTopics } from './topics-state.ts'

/** Topics with what is unread in each, and the way to a new one. */
export function TopicList() {
  const state = useRoomState()
  const topics = useTopics()
  const open = useSyncExternalStore(state.topic.subscribe, state.topic.get)
  const [isCreating, setCreating] = useState(false)
  return (
    <nav className="topics" aria-label={text.chat.topics}>
      <ul>
        {topics.map(({ topic, label, unread, isMentioned }) => (
          <li key={topic}>
            <button
              type="button"
              className="topic"
              title={label}
              aria-current={topic === open ? 'true' : undefined}
              onClick={() => state.topic.set(topic)}
            >
              <Hash aria-hidden="true" />
              <span className="topic-label">{label}</span>
              {unread > 0 && topic !== open && (
                <span className="badge badge-strong">
                  <span aria-hidden="true">
                    {isMentioned ? '@' : ''}
                    {unread > 99 ? '99+' : unread}
                  </span>
                  <span className="visually-hidden"> {text.chat.unread(unread, isMentioned)}</span>
                </span>
              )}
            </button>
          </li>
        ))}
        <li>
          <button type="button" className="topic topic-new" onClick={() => setCreating(true)}>
            <Plus aria-hidden="true" />
            <span className="topic-label">{text.chat.newTopic}</span>
          </button>
        </li>
      </ul>
      {isCreating && (
        <NewTopic
          onClose={() => setCreating(false)}
          onCreate={(topic) => {
            state.topic.set(topic)
            setCreating(false)
          }}
        />
      )}
    </nav>
  )
}

function NewTopic({ onClose, onCreate }: { onClose: () => void; onCreate: (topic: string) => void }) {
  const [isWrong, setWrong] = useState(false)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const topic = topicOf(String(new FormData(event.currentTarget).get('topic') ?? ''))
    if (topic === undefined) setWrong(true)
    else onCreate(topic)
  }
  return (
    <Dialog title={text.chat.newTopic} onClose={onClose}>
      <form className="name-form" onSubmit={submit}>
        <input
          className="input"
          name="topic"
          aria-label={text.chat.topicName}
          placeholder={text.chat.topicName}
          maxLength={40}
          autoComplete="off"
          data-autofocus
          aria-invalid={isWrong}
          aria-describedby="topic-rule"
        />
        <button type="submit" className="button button-primary">
          {text.chat.create}
        </button>
      </form>
      <p id="topic-rule" className={isWrong ? 'field-error' : 'muted small'}>
        {text.chat.badTopic}
      </p>
    </Dialog>
  )
}
