import type { RoomId } from '../../base/index.ts'
import { remember, remembered, roomKey } from '../remembered.ts'

const MAX_DRAFTS = 50
const MAX_LENGTH = 10_000

/** What was typed and not sent, by topic. */
export interface MessageDrafts {
  get(topic: string): string
  set(topic: string, words: string): void
}

export function createMessageDrafts(roomId: RoomId): MessageDrafts {
  const key = roomKey('typed', roomId)
  const drafts = parse(remembered(key))
  return {
    get: (topic) => drafts.get(topic) ?? '',
    set: (topic, words) => {
      drafts.delete(topic)
      if (words !== '') drafts.set(topic, words.slice(0, MAX_LENGTH))
      remember(key, drafts.size > 0 ? JSON.stringify([...drafts].slice(-MAX_DRAFTS)) : undefined)
    },
  }
}

function parse(kept: string | undefined): Map<string, string> {
  try {
    const value: unknown = JSON.parse(kept ?? '[]')
    const isDraft = (pair: unknown): pair is [string, string] =>
      Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'string'
    return new Map(Array.isArray(value) ? value.filter(isDraft) : [])
  } catch {
    // Somebody else wrote there: start without drafts.
    return new Map()
  }
}
