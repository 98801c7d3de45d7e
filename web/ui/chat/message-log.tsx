import { ArrowDown, MessageSquare } from 'lucide-react'
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import type { HistoryEntry } from '../../messaging/index.ts'
import { dayText, startOfDay } from '../format.ts'
import { useEntries, useNode, useNow, useSnapshot } from '../hooks.ts'
import { Empty } from '../parts/empty.tsx'
import { useDirectory } from '../people/directory.ts'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { type ChatMessage, conversationOf, placeOf } from './conversation.ts'
import { MessageRow } from './message-row.tsx'
import { unreadCount } from './read-marks.ts'

const PAGE = 200
const NEAR_END_PX = 80
const SAME_SPEAKER_MS = 5 * 60_000
const NOBODY: readonly string[] = []

/** Messages of a topic, oldest first. Follows the newest while the end is in sight, and marks what was seen. */
export function MessageLog({ topic, sent }: { topic: string; sent: number }) {
  const entries = useEntries(topic)
  const node = useNode()
  const { readMarks, presence, jumpTo } = useRoomState()
  const conversation = useMemo(() => conversationOf(entries), [entries])
  /** What was read when this was opened: the line stays where it is while one reads on. */
  const [newAfter] = useState(() => readMarks.marks.get().get(topic))
  const names = useNames()
  const readers = useReaders(topic, entries)
  const [limit, setLimit] = useState(PAGE)
  const [isAtEnd, setAtEnd] = useState(true)
  const scroller = useRef<HTMLDivElement>(null)
  const now = useNow(60_000)
  const shown = conversation.slice(-limit)
  const firstNew = firstNewOf(conversation, entries, newAfter)
  const last = entries.at(-1)
  const unread = isAtEnd ? 0 : unreadCount(entries, readMarks.marks.get().get(topic))

  const toEnd = () => scroller.current?.scrollTo({ top: scroller.current.scrollHeight })
  useLayoutEffect(() => {
    if (isAtEnd) toEnd()
  }, [entries])
  useLayoutEffect(() => {
    if (sent > 0) toEnd()
  }, [sent])
  useEffect(() => {
    if (!isAtEnd || last === undefined || document.visibilityState !== 'visible') return
    readMarks.markRead(topic, last.id)
    presence.hasRead(topic, last.id)
  }, [isAtEnd, last, readMarks, presence, topic])
  const wanted = useSyncExternalStore(jumpTo.subscribe, jumpTo.get)
  useEffect(() => {
    const at = conversation.findIndex(({ entry }) => entry.id === wanted)
    if (at < 0) return
    if (conversation.length - at > limit) return setLimit(conversation.length - at + PAGE)
    jumpTo.set(undefined)
    const row = document.getElementById(`message-${wanted}`)
    row?.scrollIntoView({ block: 'center' })
    row?.focus({ preventScroll: true })
  }, [wanted, conversation, limit, jumpTo])

  const onScroll = () => {
    const element = scroller.current
    if (element) setAtEnd(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX)
  }
  const onResize = useRef(onScroll)
  onResize.current = isAtEnd ? toEnd : onScroll
  useEffect(() => {
    // An on-screen keyboard takes height without a scroll event.
    const observer = new ResizeObserver(() => onResize.current())
    if (scroller.current) observer.observe(scroller.current)
    return () => observer.disconnect()
  }, [])
  return (
    <div className="log-frame">
      <div
        ref={scroller}
        className="log"
        role="log"
        aria-label={text.chat.log(topic.slice(5))}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
        tabIndex={0}
        onScroll={onScroll}
      >
        {conversation.length === 0 && (
          <Empty
            icon={<MessageSquare aria-hidden="true" />}
            title={text.chat.empty}
            hint={text.chat.emptyHint}
          />
        )}
        {conversation.length > shown.length && (
          <button
            type="button"
            className="button button-small log-earlier"
            onClick={() => setLimit(limit + PAGE)}
          >
            {text.chat.earlier(Math.min(PAGE, conversation.length - shown.length))}
          </button>
        )}
        {shown.map((message, at) => {
          const { entry } = message
          const before = shown[at - 1]
          const isNewDay =
            before === undefined || startOfDay(before.entry.sentAt) !== startOfDay(entry.sentAt)
          const isFirstNew = entry.id === firstNew
          const isContinued = !isNewDay && !isFirstNew && isSameSpeech(before, message)
          return (
            <div key={entry.id} className="log-item">
              {isNewDay && (
                <p className="day">
                  <span>{dayText(entry.sentAt, now)}</span>
                </p>
              )}
              {isFirstNew && (
                <p className="day new-line">
                  <span>{text.chat.newLine}</span>
                </p>
              )}
              <MessageRow
                topic={topic}
                message={message}
                isContinued={isContinued}
                quoted={conversation.find((one) => one.entry.id === message.replyTo)}
                readBy={entry.from === node.id ? readers(entry.id) : NOBODY}
                names={names}
              />
            </div>
          )
        })}
      </div>
      {!isAtEnd && (
        <button type="button" className="button button-small log-latest" onClick={toEnd}>
          <ArrowDown aria-hidden="true" /> {text.chat.latest}
          {unread > 0 && <span className="badge badge-strong">{unread > 99 ? '99+' : unread}</span>}
        </button>
      )}
    </div>
  )
}

/** Of the first message that came after the last one that was read; nothing where all or none was read. */
function firstNewOf(
  conversation: readonly ChatMessage[],
  entries: readonly HistoryEntry[],
  mark: string | undefined,
): string | undefined {
  const place = placeOf(entries, mark)
  if (place === undefined) return undefined
  const later = new Set(entries.slice(place + 1).map(({ id }) => id))
  return conversation.find(({ entry }) => later.has(entry.id) && entry.state === 'received')?.entry.id
}

/** Of everybody here, this person too. */
function useNames(): readonly string[] {
  const { name, peers } = useSnapshot()
  return useMemo(() => [...new Set([name, ...peers.map((peer) => peer.name)])], [name, peers])
}

/** Who has read as far as a message, by name. */
function useReaders(topic: string, entries: readonly HistoryEntry[]): (id: string) => readonly string[] {
  const { presence } = useRoomState()
  const read = useSyncExternalStore(presence.read.subscribe, presence.read.get).get(topic)
  const person = useDirectory()
  const { peers } = useSnapshot()
  const places = [...(read ?? [])]
    .filter(([peer]) => peers.some(({ peerId }) => peerId === peer))
    .map(([peer, id]) => [person(peer).name, placeOf(entries, id) ?? -1] as const)
  return (id) => {
    const place = placeOf(entries, id) ?? Number.POSITIVE_INFINITY
    return places.filter(([, seen]) => seen >= place).map(([name]) => name)
  }
}

function isSameSpeech(before: ChatMessage | undefined, { entry }: ChatMessage): boolean {
  return (
    before !== undefined &&
    before.entry.from === entry.from &&
    entry.sentAt - before.entry.sentAt < SAME_SPEAKER_MS
  )
}
