import type { RoomId } from '../../base/index.ts'
import type { HistoryEntry } from '../../messaging/index.ts'
import { createObservable, type Observable } from '../observable.ts'
import { remember, remembered, roomKey } from '../remembered.ts'
import { conversationOf, isAside, mentions } from './conversation.ts'

/** The last message that was seen, by topic; kept on this device. */
export interface ReadMarks {
  readonly marks: Observable<ReadonlyMap<string, string>>
  markRead(topic: string, messageId: string): void
}

export function createReadMarks(roomId: RoomId): ReadMarks {
  const key = roomKey('read', roomId)
  const marks = createObservable<ReadonlyMap<string, string>>(parse(remembered(key)))
  return {
    marks,
    markRead: (topic, messageId) => {
      if (marks.get().get(topic) === messageId) return
      const next = new Map(marks.get()).set(topic, messageId)
      remember(key, JSON.stringify([...next].slice(-200)))
      marks.set(next)
    },
  }
}

/** Others' messages after the mark; all of them where there is none. */
export function unreadCount(entries: readonly HistoryEntry[], mark: string | undefined): number {
  let count = 0
  for (let at = entries.length - 1; at >= 0; at--) {
    const entry = entries[at]
    if (entry === undefined || entry.id === mark) break
    if (entry.state === 'received' && !isAside(entry)) count++
  }
  return count
}

/** Whether one of those names this person. */
export function hasUnreadMention(
  entries: readonly HistoryEntry[],
  mark: string | undefined,
  name: string,
): boolean {
  const unread = entries.slice(entries.findLastIndex(({ id }) => id === mark) + 1)
  return conversationOf(unread).some(({ entry, text }) => entry.state === 'received' && mentions(text, name))
}

function parse(kept: string | undefined): Map<string, string> {
  try {
    const value: unknown = JSON.parse(kept ?? '[]')
    const pairs = Array.isArray(value)
      ? value.filter((pair): pair is [string, string] => Array.isArray(pair) && pair.length === 2)
      : []
    return new Map(pairs)
  } catch {
    // Somebody else wrote there: start without marks.
    return new Map()
  }
}
