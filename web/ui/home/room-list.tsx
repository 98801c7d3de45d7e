import { ArrowRight, Pencil, Trash2 } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { type RoomId, visibleName } from '../../base/index.ts'
import type { KnownRoom } from '../../browser.ts'
import { agoText } from '../format.ts'
import { useNow } from '../hooks.ts'
import { ConfirmDialog } from '../parts/confirm-dialog.tsx'
import { text } from '../text.ts'

interface RoomListProps {
  readonly rooms: readonly KnownRoom[]
  readonly onLabel: (roomId: RoomId, label: string) => void
  readonly onForget: (roomId: RoomId) => void
}

export function RoomList({ rooms, onLabel, onForget }: RoomListProps) {
  const [forgetting, setForgetting] = useState<KnownRoom>()
  const now = useNow(30_000)
  return (
    <>
      <ul className="room-list">
        {rooms.map((room) => (
          <RoomRow
            key={room.roomId}
            room={room}
            now={now}
            onLabel={(label) => onLabel(room.roomId, label)}
            onForget={() => setForgetting(room)}
          />
        ))}
      </ul>
      {forgetting && (
        <ConfirmDialog
          title={text.home.forgetTitle(labelOf(forgetting))}
          body={text.home.forgetBody}
          confirm={text.home.forgetConfirm}
          onClose={() => setForgetting(undefined)}
          onConfirm={() => {
            onForget(forgetting.roomId)
            setForgetting(undefined)
          }}
        />
      )}
    </>
  )
}

function RoomRow({
  room,
  now,
  onLabel,
  onForget,
}: {
  room: KnownRoom
  now: number
  onLabel: (label: string) => void
  onForget: () => void
}) {
  const [isEditing, setEditing] = useState(false)
  const label = labelOf(room)
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    onLabel(visibleName(String(new FormData(event.currentTarget).get('label') ?? ''), 60))
    setEditing(false)
  }
  if (isEditing) {
    return (
      <li className="room-row">
        <form className="room-edit" onSubmit={save}>
          <input
            className="input"
            name="label"
            defaultValue={room.label}
            maxLength={60}
            aria-label={`${text.home.rename}: ${label}`}
            // biome-ignore lint/a11y/noAutofocus: the field replaces the button that was pressed.
            autoFocus
            onKeyDown={(event) => event.key === 'Escape' && setEditing(false)}
          />
          <button type="submit" className="button">
            {text.room.save}
          </button>
        </form>
      </li>
    )
  }
  return (
    <li className="room-row">
      <a className="room-link" href={`#${room.roomId}`}>
        <span className="room-label">{label}</span>
        <span className="muted small">
          {agoText(room.lastOpenedAt, now)} · <code>{room.roomId.slice(0, 6)}</code>
        </span>
        <ArrowRight aria-hidden="true" className="room-arrow" />
      </a>
      <button
        type="button"
        className="icon-button"
        aria-label={`${text.home.rename}: ${label}`}
        title={text.home.rename}
        onClick={() => setEditing(true)}
      >
        <Pencil aria-hidden="true" />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={`${text.home.forget}: ${label}`}
        title={text.home.forget}
        onClick={onForget}
      >
        <Trash2 aria-hidden="true" />
      </button>
    </li>
  )
}

function labelOf(room: KnownRoom): string {
  return room.label || text.home.unnamed
}
