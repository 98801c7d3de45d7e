import { SendHorizontal } from 'lucide-react'
import { type KeyboardEvent, useId, useState } from 'react'
import { useNode } from '../hooks.ts'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'

/** Enter sends; a message that was not accepted comes back with the reason. */
export function Composer({ topic, onSent }: { topic: string; onSent: () => void }) {
  const node = useNode()
  const { messageDrafts } = useRoomState()
  const [value, setValue] = useState(messageDrafts.get(topic) ?? '')
  const [problem, setProblem] = useState<string>()
  const id = useId()
  const change = (next: string) => {
    messageDrafts.set(topic, next)
    setValue(next)
  }
  const send = () => {
    const body = value.trim()
    if (body === '') return
    change('')
    setProblem(undefined)
    node
      .topic(topic)
      .publish(body, { headers: { name: node.name } })
      .then(onSent, (error: Error) => {
        change(body)
        setProblem(error.message)
      })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    send()
  }
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {problem && (
        <p className="field-error" role="alert">
          {problem}
        </p>
      )}
      <div className="composer-row">
        <textarea
          className="input composer-input"
          rows={1}
          value={value}
          placeholder={text.chat.placeholder(topic.slice(5))}
          aria-label={text.chat.placeholder(topic.slice(5))}
          aria-describedby={`${id}-hint`}
          onChange={(event) => change(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button type="submit" className="button button-primary" disabled={value.trim() === ''}>
          <SendHorizontal aria-hidden="true" /> <span className="composer-send">{text.chat.send}</span>
        </button>
      </div>
      <p id={`${id}-hint`} className="composer-hint">
        {text.chat.hint}
      </p>
    </form>
  )
}
