import { RefreshCw } from 'lucide-react'
import { useState } from 'react'
import { isPeerId, type PeerId } from '../../base/index.ts'
import type { BrowsedMessage } from '../../messaging/index.ts'
import { agoText } from '../format.ts'
import { useAsync, useNode, useNow } from '../hooks.ts'
import { Notice } from '../parts/notice.tsx'
import { useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'
import { cutText, valueText } from '../value-text.ts'

/** Messages that are shown; a queue may have a million. */
const SHOWN = 50
/** Characters of a message that are shown. */
const MAX_BODY = 500

/** The first messages of a queue, as they were when it was looked at. Looking takes none. */
export function QueueMessages({ queue, count }: { queue: string; count: number }) {
  const node = useNode()
  const [looks, setLooks] = useState(0)
  // What says that there are none, or some, must not be older than the figures above it.
  const isEmpty = count === 0
  const { value: messages, error } = useAsync(
    async (signal) => {
      const found: BrowsedMessage[] = []
      for await (const message of node.queue(queue).browse({ signal })) {
        found.push(message)
        if (found.length >= SHOWN) break
      }
      return found
    },
    [queue, looks, isEmpty],
  )
  return (
    <section className="queue-messages" aria-label={text.queues.messages}>
      <header className="view-head">
        <h3>{text.queues.messages}</h3>
        <button type="button" className="button button-small" onClick={() => setLooks(looks + 1)}>
          <RefreshCw aria-hidden="true" /> {text.queues.refresh}
        </button>
      </header>
      {error && <Notice kind="error">{error.message}</Notice>}
      {messages === undefined && !error && <p className="muted">{text.queues.looking}</p>}
      {messages?.length === 0 && <p className="muted">{text.queues.noMessages}</p>}
      {messages && messages.length > 0 && <MessageTable messages={messages} />}
      {messages && count > messages.length && messages.length === SHOWN && (
        <p className="muted small">{text.queues.shown(SHOWN, count)}</p>
      )}
    </section>
  )
}

function MessageTable({ messages }: { messages: readonly BrowsedMessage[] }) {
  const directory = useDirectory()
  const now = useNow(10_000)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: What scrolls must be reachable by keyboard.
    <section className="record-table" tabIndex={0} aria-label={text.queues.table}>
      <table>
        <thead>
          <tr>
            <th scope="col">{text.queues.columns.body}</th>
            <th scope="col">{text.queues.columns.from}</th>
            <th scope="col">{text.queues.columns.age}</th>
            <th scope="col">{text.queues.columns.attempts}</th>
          </tr>
        </thead>
        <tbody>
          {messages.map((message) => (
            <tr key={message.id}>
              <td className="queue-cell">
                {cutText(valueText(message.body), MAX_BODY)}
                <Headers headers={message.headers} />
              </td>
              <td>{directory(senderOf(message)).name}</td>
              <td>{agoText(message.sentAt, now)}</td>
              <td>{message.deliveryCount}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Headers({ headers }: { headers: BrowsedMessage['headers'] }) {
  const words = headerWords(headers)
  if (words === '') return null
  return <span className="muted small queue-headers">{words}</span>
}

const ORIGINAL_ID = '_AMQ_ORIG_MESSAGE_ID'
const ORIGINAL_QUEUE = '_AMQ_ORIG_QUEUE'
const ATTEMPTS = '_TABMESH_ATTEMPTS'
const LAST_FAILURE = '_TABMESH_LAST_FAILURE'
/** How the names begin of what Tabmesh itself has noted on a message that went on to another queue. */
const NOTED = ['_AMQ_', '_TABMESH_']

/** A message's own headers as they are, and in words where it was before. */
export function headerWords(headers: BrowsedMessage['headers']): string {
  const own = Object.entries(headers).filter(([name]) => !NOTED.some((prefix) => name.startsWith(prefix)))
  const before = headers[ORIGINAL_QUEUE]
  const attempts = headers[ATTEMPTS]
  const reason = String(headers[LAST_FAILURE]) as keyof typeof text.queues.lastFailure
  const why = Object.hasOwn(text.queues.lastFailure, reason) ? text.queues.lastFailure[reason] : undefined
  return [
    ...(before === undefined ? [] : [text.queues.wasIn(String(before))]),
    ...(typeof attempts === 'number' ? [text.queues.gaveUp(attempts, why)] : []),
    ...own.map(([name, value]) => `${name}: ${value}`),
  ].join(' · ')
}

/** Who has sent it at first: what went on to another queue names the message that it was. */
export function senderOf({ from, headers }: Pick<BrowsedMessage, 'from' | 'headers'>): PeerId {
  const [first = ''] = String(headers[ORIGINAL_ID] ?? '').split('/')
  return isPeerId(first) ? first : from
}
