import { useNode } from '../hooks.ts'
import { useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'
import type { ChatMessage } from './conversation.ts'
import { useReact } from './use-react.ts'

/** Signs under a message, each a switch for one's own. */
export function Reactions({ topic, message }: { topic: string; message: ChatMessage }) {
  const { id } = useNode()
  const person = useDirectory()
  const react = useReact(topic)
  return (
    <ul className="reactions">
      {message.reactions.map(({ emoji, by }) => {
        const isMine = by.includes(id)
        const names = by.map((peer) => person(peer).name)
        return (
          <li key={emoji}>
            <button
              type="button"
              className="reaction"
              aria-pressed={isMine}
              aria-label={text.chat.reaction(emoji, names)}
              title={names.join(', ')}
              onClick={() => react(message, emoji)}
            >
              {emoji} <span className="reaction-count">{by.length}</span>
            </button>
          </li>
        )
      })}
    </ul>
  )
}
