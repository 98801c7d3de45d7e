import { useState, useSyncExternalStore } from 'react'
import { useRoomState } from '../room/room-state.ts'
import { Composer } from './composer.tsx'
import { MessageLog } from './message-log.tsx'
import { TopicList } from './topic-list.tsx'

export function Chat() {
  const { topic } = useRoomState()
  const open = useSyncExternalStore(topic.subscribe, topic.get)
  /** Grows with each sent message, so that the log follows one's own words. */
  const [sent, setSent] = useState(0)
  return (
    <div className="chat">
      <TopicList />
      <div className="chat-room">
        <MessageLog key={open} topic={open} sent={sent} />
        <Composer key={`${open} composer`} topic={open} onSent={() => setSent((count) => count + 1)} />
      </div>
    </div>
  )
}
