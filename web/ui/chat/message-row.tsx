import { Check, CircleAlert, Clock3 } from 'lucide-react'
import type { HistoryEntry } from '../../messaging/index.ts'
import { timeText, valueText } from '../format.ts'
import { useNode } from '../hooks.ts'
import { Avatar } from '../parts/avatar.tsx'
import { nameOf, useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'
import { formatMessage } from './format-message.tsx'

/** One message with its sender, time and, for one's own, how far it got. */
export function MessageRow({ entry, isContinued }: { entry: HistoryEntry; isContinued: boolean }) {
  const saidName = entry.headers['name']
  const person = useDirectory()(entry.from, typeof saidName === 'string' ? saidName : undefined)
  return (
    <article className={isContinued ? 'message is-continued' : 'message'} data-state={entry.state}>
      {!isContinued && <Avatar person={person} />}
      <div className="message-body">
        <p className={isContinued ? 'visually-hidden' : 'message-head'}>
          <strong>{nameOf(person)}</strong>{' '}
          <time dateTime={new Date(entry.sentAt).toISOString()}>{timeText(entry.sentAt)}</time>
        </p>
        <div className="message-text">
          {formatMessage(valueText(entry.body))}
          <MessageState entry={entry} />
        </div>
      </div>
    </article>
  )
}

function MessageState({ entry }: { entry: HistoryEntry }) {
  const { history } = useNode()
  if (entry.state === 'received') return null
  if (entry.state === 'failed') {
    return (
      <span className="message-failed">
        <CircleAlert aria-hidden="true" /> {text.chat.failed}
        {entry.reason ? `: ${entry.reason}` : ''}{' '}
        <button type="button" className="button button-small" onClick={() => void history.retry(entry.id)}>
          {text.chat.retry}
        </button>
      </span>
    )
  }
  const [Icon, words] = entry.state === 'sending' ? [Clock3, text.chat.sending] : [Check, text.chat.delivered]
  return (
    <span className={`message-mark message-${entry.state}`} title={words}>
      <Icon aria-hidden="true" />
      <span className="visually-hidden">{words}</span>
    </span>
  )
}
