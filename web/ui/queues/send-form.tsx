import { Send } from 'lucide-react'
import { type FormEvent, useId, useState } from 'react'
import { useNode } from '../hooks.ts'
import { Notice } from '../parts/notice.tsx'
import { text } from '../text.ts'

/** Sends one message: to the queue that is looked at, or to one that is named. */
export function SendForm({ queue }: { queue?: string }) {
  const node = useNode()
  const ids = useId()
  const [name, setName] = useState('')
  const [body, setBody] = useState('')
  const [outcome, setOutcome] = useState<{ readonly kind: 'info' | 'error'; readonly words: string }>()
  const [isSending, setSending] = useState(false)
  const send = async (event: FormEvent) => {
    event.preventDefault()
    setSending(true)
    setOutcome(undefined)
    try {
      const { copies } = await node.queue(queue ?? name.trim()).send(parsed(body))
      setBody('')
      setOutcome({ kind: 'info', words: text.queues.sent(copies) })
    } catch (error) {
      setOutcome({ kind: 'error', words: error instanceof Error ? error.message : String(error) })
    } finally {
      setSending(false)
    }
  }
  return (
    <form className="queue-send" onSubmit={send}>
      {queue === undefined && (
        <p className="field">
          <label htmlFor={`${ids}-name`}>{text.queues.name}</label>
          <input
            id={`${ids}-name`}
            className="input"
            value={name}
            placeholder={text.queues.nameHint}
            autoComplete="off"
            required
            onChange={(event) => setName(event.target.value)}
          />
        </p>
      )}
      <p className="field">
        <label htmlFor={`${ids}-body`}>{text.queues.body}</label>
        <textarea
          id={`${ids}-body`}
          className="input queue-body"
          rows={3}
          value={body}
          required
          aria-describedby={`${ids}-hint`}
          onChange={(event) => setBody(event.target.value)}
        />
        <span id={`${ids}-hint`} className="muted small">
          {text.queues.bodyHint}
        </span>
      </p>
      <button type="submit" className="button button-primary" disabled={isSending}>
        <Send aria-hidden="true" /> {isSending ? text.queues.sending : text.queues.send}
      </button>
      <div role="status">{outcome?.kind === 'info' && <Notice kind="info">{outcome.words}</Notice>}</div>
      {outcome?.kind === 'error' && <Notice kind="error">{outcome.words}</Notice>}
    </form>
  )
}

/** JSON where it is JSON, else the text itself. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
