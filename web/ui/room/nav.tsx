import { Cpu, Files, Inbox, MessageSquare, Users } from 'lucide-react'
import { useTopics } from '../chat/topics-state.ts'
import { useSnapshot } from '../hooks.ts'
import { useShownPeers } from '../people/use-shown-peers.ts'
import { text } from '../text.ts'
import { type Section, useRoomState } from './room-state.ts'

const ICONS = { chat: MessageSquare, queues: Inbox, files: Files, compute: Cpu, people: Users } as const
const ORDER: readonly Section[] = ['chat', 'queues', 'files', 'compute', 'people']

/** A rail at the side, or a bar at the bottom of a small screen. */
export function Nav({ section, isWide }: { section: Section; isWide: boolean }) {
  const state = useRoomState()
  const { datasets } = useSnapshot()
  const peers = useShownPeers()
  const topics = useTopics()
  const unread = topics.reduce((sum, topic) => sum + topic.unread, 0)
  const isMentioned = topics.some((topic) => topic.isMentioned)
  const counts: Record<Section, { count: number; words: string }> = {
    chat: { count: unread, words: text.chat.unread(unread, isMentioned) },
    queues: { count: 0, words: '' },
    files: { count: datasets.length, words: String(datasets.length) },
    compute: { count: 0, words: '' },
    people: { count: peers.length + 1, words: String(peers.length + 1) },
  }
  return (
    <nav className="nav" aria-label={text.room.label}>
      <ul>
        {ORDER.filter((name) => !isWide || name !== 'people').map((name) => {
          const Icon = ICONS[name]
          const { count, words } = counts[name]
          return (
            <li key={name}>
              <button
                type="button"
                className="nav-item"
                aria-current={name === section ? 'page' : undefined}
                onClick={() => state.section.set(name)}
              >
                <Icon aria-hidden="true" />
                <span>{text.room.sections[name]}</span>
                {count > 0 && (
                  <span className={name === 'chat' ? 'badge badge-strong' : 'badge'}>
                    <span aria-hidden="true">{count > 99 ? '99+' : count}</span>
                    <span className="visually-hidden"> {words}</span>
                  </span>
                )}
              </button>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}
