import { useSyncExternalStore } from 'react'
import { useNode } from '../hooks.ts'
import { useRoomState } from '../room/room-state.ts'
import { hasUnreadMention, unreadCount } from './read-marks.ts'

const PREFIX = 'chat.'
export const GENERAL = 'chat.general'

export interface TopicView {
  readonly topic: string
  readonly label: string
  readonly unread: number
  /** One of those names this person. */
  readonly isMentioned: boolean
}

/** Chat topics with what is unread in each: `general` first, then by name. */
export function useTopics(): readonly TopicView[] {
  const node = useNode()
  const { history } = node
  const { readMarks, topic: open } = useRoomState()
  const read = () => {
    const known = new Set([
      GENERAL,
      open.get(),
      ...history.topics().filter((name) => name.startsWith(PREFIX)),
    ])
    const topics = [...known].sort(
      (a, b) => Number(b === GENERAL) - Number(a === GENERAL) || (a < b ? -1 : 1),
    )
    return JSON.stringify(
      topics.map((topic) => {
        const [entries, mark] = [history.entries(topic), readMarks.marks.get().get(topic)]
        const unread = unreadCount(entries, mark)
        return [topic, unread, unread > 0 && hasUnreadMention(entries, mark, node.name)]
      }),
    )
  }
  const subscribe = (listener: () => void) => {
    const ends = [history.subscribe(listener), readMarks.marks.subscribe(listener), open.subscribe(listener)]
    return () => {
      for (const end of ends) end()
    }
  }
  const pairs = JSON.parse(useSyncExternalStore(subscribe, read)) as [string, number, boolean][]
  return pairs.map(([topic, unread, isMentioned]) => ({
    ...{ topic, unread, isMentioned },
    label: topic.slice(PREFIX.length),
  }))
}

/** A topic's name from what a person typed; undefined where it cannot be one. */
export function topicOf(typed: string): string | undefined {
  const word = typed.trim().toLowerCase().replace(/\s+/g, '-')
  return /^[a-z0-9-]{1,40}$/.test(word) ? PREFIX + word : undefined
}
