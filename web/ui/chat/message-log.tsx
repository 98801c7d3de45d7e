import { ArrowDown, MessageSquare } from 'lucide-react'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { HistoryEntry } from '../../messaging/index.ts'
import { dayText, startOfDay } from '../format.ts'
import { useEntries, useNow } from '../hooks.ts'
import { Empty } from '../parts/empty.tsx'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { MessageRow } from './message-row.tsx'
import { unreadCount } from './read-marks.ts'

const PAGE = 200
const NEAR_END_PX = 80
const SAME_SPEAKER_MS = 5 * 60_000

/** Messages of a topic, oldest first. Follows the newest while the end is in sight, and marks what was seen. */
export function MessageLog({ topic, sent }: { topic: string; sent: number }) {
  const entries = useEntries(topic)
  const { readMarks } = useRoomState()
  const [limit, setLimit] = useState(PAGE)
  const [isAtEnd, setAtEnd] = useState(true)
  const scroller = useRef<HTMLDivElement>(null)
  const now = useNow(60_000)
  const shown = entries.slice(-limit)
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
    if (isAtEnd && last !== undefined && document.visibilityState === 'visible')
      readMarks.markRead(topic, last.id)
  }, [isAtEnd, last, readMarks, topic])

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
        {entries.length === 0 && (
          <Empty
            icon={<MessageSquare aria-hidden="true" />}
            title={text.chat.empty}
            hint={text.chat.emptyHint}
          />
        )}
        {entries.length > shown.length && (
          <button
            type="button"
            className="button button-small log-earlier"
            onClick={() => setLimit(limit + PAGE)}
          >
            {text.chat.earlier(Math.min(PAGE, entries.length - shown.length))}
          </button>
        )}
        {shown.map((entry, at) => {
          const before = shown[at - 1]
          const isNewDay = before === undefined || startOfDay(before.sentAt) !== startOfDay(entry.sentAt)
          return (
            <div key={entry.id} className="log-item">
              {isNewDay && (
                <p className="day">
                  <span>{dayText(entry.sentAt, now)}</span>
                </p>
              )}
              <MessageRow entry={entry} isContinued={!isNewDay && isSameSpeech(before, entry)} />
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

function isSameSpeech(before: HistoryEntry | undefined, entry: HistoryEntry): boolean {
  return before !== undefined && before.from === entry.from && entry.sentAt - before.sentAt < SAME_SPEAKER_MS
}
