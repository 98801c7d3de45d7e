import { Check, CheckCheck, CircleAlert, Clock3, CornerUpLeft } from 'lucide-react'
import { timeText } from '../format.ts'
import { useNode } from '../hooks.ts'
import { Avatar } from '../parts/avatar.tsx'
import { nameOf, useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'
import { SharedFileCard } from '../transfers/shared-file-card.tsx'
import type { ChatMessage } from './conversation.ts'
import { formatMessage } from './format-message.tsx'
import { MessageMenu } from './message-menu.tsx'
import { Reactions } from './reactions.tsx'

interface MessageRowProps {
  readonly topic: string
  readonly message: ChatMessage
  readonly isContinued: boolean
  /** The message that it answers, where it is here. */
  readonly quoted: ChatMessage | undefined
  /** Names of those who have read so far. */
  readonly readBy: readonly string[]
  readonly names: readonly string[]
}

/** One message with its sender, time, answers, reactions and, for one's own, how far it got. */
export function MessageRow({ topic, message, isContinued, quoted, readBy, names }: MessageRowProps) {
  const { entry, isDeleted, isEdited, replyTo, file } = message
  const directory = useDirectory()
  const saidName = entry.headers['name']
  const person = directory(entry.from, typeof saidName === 'string' ? saidName : undefined)
  return (
    <article
      id={`message-${entry.id}`}
      className={isContinued ? 'message is-continued' : 'message'}
      data-state={entry.state}
      tabIndex={-1}
    >
      {!isContinued && <Avatar person={person} />}
      <div className="message-body">
        <p className={isContinued ? 'visually-hidden' : 'message-head'}>
          <strong>{nameOf(person)}</strong>{' '}
          <time dateTime={new Date(entry.sentAt).toISOString()}>{timeText(entry.sentAt)}</time>
        </p>
        {replyTo !== undefined && !isDeleted && <Quote id={replyTo} quoted={quoted} />}
        <div className="message-text">
          {isDeleted ? (
            <em className="muted">{text.chat.deleted}</em>
          ) : file ? (
            <SharedFileCard file={file} from={entry.from} />
          ) : (
            formatMessage(message.text, names)
          )}
          {isEdited && !isDeleted && <span className="message-edited"> ({text.chat.edited})</span>}
          <MessageState message={message} readBy={readBy} />
        </div>
        {message.reactions.length > 0 && <Reactions topic={topic} message={message} />}
      </div>
      {!isDeleted && entry.state !== 'failed' && <MessageMenu topic={topic} message={message} />}
    </article>
  )
}

function Quote({ id, quoted }: { id: string; quoted: ChatMessage | undefined }) {
  const person = useDirectory()
  if (!quoted) {
    return (
      <p className="quote muted">
        <CornerUpLeft aria-hidden="true" /> {text.chat.quoteGone}
      </p>
    )
  }
  const name = person(quoted.entry.from, String(quoted.entry.headers['name'] ?? '')).name
  return (
    <button
      type="button"
      className="quote"
      aria-label={text.chat.quoted(name)}
      onClick={() => document.getElementById(`message-${id}`)?.focus()}
    >
      <CornerUpLeft aria-hidden="true" /> <strong>{name}</strong>{' '}
      <span className="quote-text">{quoted.isDeleted ? text.chat.deleted : quoted.text}</span>
    </button>
  )
}

function MessageState({ message, readBy }: { message: ChatMessage; readBy: readonly string[] }) {
  const { history } = useNode()
  const { entry } = message
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
  const isRead = entry.state === 'delivered' && readBy.length > 0
  const [Icon, words] = isRead
    ? [CheckCheck, text.chat.read(readBy.join(', '))]
    : entry.state === 'sending'
      ? [Clock3, text.chat.sending]
      : [Check, text.chat.delivered]
  return (
    <span className={`message-mark message-${entry.state}`} title={words}>
      <Icon aria-hidden="true" />
      <span className="visually-hidden">{words}</span>
    </span>
  )
}
