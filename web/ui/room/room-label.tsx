import { useAsync, useSnapshot } from '../hooks.ts'
import type { Session } from '../session.ts'
import { text } from '../text.ts'

/** The label that this device gave the room, else the start of its id. */
export function RoomLabel({ session }: { session: Session }) {
  const { roomId } = useSnapshot()
  const { value: label } = useAsync(async () => {
    const rooms = await (await session.profile()).rooms()
    return rooms.find((room) => room.roomId === roomId)?.label
  }, [roomId])
  return (
    <h1 className="room-title">
      {label || (
        <>
          {text.room.label} <code>{roomId.slice(0, 6)}</code>
        </>
      )}
    </h1>
  )
}
