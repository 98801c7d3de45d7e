import { useState, useSyncExternalStore } from 'react'
import { useRoomState } from '../room/room-state.ts'
import { ChatBar } from './chat-bar.tsx'
import { Composer } from './composer.tsx'
import { MessageLog } from './message-log.tsx'
import { TopicList } from './topic-list.tsx'
import { TypingLine } from './typing-line.tsx'

export function Chat() {
  const { topic } = useRoomState()
  const open = useSyncExternalStore(topic.subscribe, topic.get)
  /** Grows with each sent message, so that the log follows one's own words. */
  const [sent, setSent] = useState(0)
  return (
    <div className="chat">
      <TopicList />
      <div className="chat-room">
        <ChatBar topic={open} />
        <MessageLog key={open} topic={open} sent={sent} />
        <TypingLine topic={open} />
        <Composer key={`${open} composer`} topic={open} onSent={() => setSent((count) => count + 1)} />
      </div>
    </div>
  )
}
