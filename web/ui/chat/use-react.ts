import { useNode } from '../hooks.ts'
import { about, type ChatMessage } from './conversation.ts'

/** Puts a sign of one's own under a message, or takes it back. */
export function useReact(topic: string): (message: ChatMessage, emoji: string) => void {
  const node = useNode()
  return ({ entry, reactions }, emoji) => {
    const isMine = reactions.some((reaction) => reaction.emoji === emoji && reaction.by.includes(node.id))
    const headers = { name: node.name, ...about('reaction', entry.id), ...(isMine ? { isOff: true } : {}) }
    node
      .topic(topic)
      .publish(emoji, { headers })
      .catch(() => {
        // It stands among the failed messages; nothing is lost but a sign.
      })
  }
}
