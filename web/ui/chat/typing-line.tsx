import { useSyncExternalStore } from 'react'
import { useDirectory } from '../people/directory.ts'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'

/** Who types now. It keeps its height when nobody does. */
export function TypingLine({ topic }: { topic: string }) {
  const { presence } = useRoomState()
  const typing = useSyncExternalStore(presence.typing.subscribe, presence.typing.get).get(topic)
  const person = useDirectory()
  const names = [...(typing?.keys() ?? [])].map((peer) => person(peer).name)
  return (
    <p className="typing" aria-live="polite">
      {names.length > 0 ? text.chat.typing(names) : ''}
    </p>
  )
}
