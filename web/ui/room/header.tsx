import { UserPlus } from 'lucide-react'
import { useState } from 'react'
import { useSnapshot } from '../hooks.ts'
import { InviteBody } from '../lazy-parts.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Mark } from '../parts/mark.tsx'
import { ThemeButton } from '../parts/theme-button.tsx'
import type { Session } from '../session.ts'
import { text } from '../text.ts'
import { NameEditor } from './name-editor.tsx'
import { RoomLabel } from './room-label.tsx'
import { StatusPill } from './status-pill.tsx'

export function Header({ session }: { session: Session }) {
  const { signaling, invite } = useSnapshot()
  const [isInviting, setInviting] = useState(false)
  return (
    <header className="room-head">
      <button
        type="button"
        className="icon-button brand-button"
        aria-label={`${text.room.leave}: ${text.back}`}
        title={text.back}
        onClick={session.goHome}
      >
        <Mark />
      </button>
      <RoomLabel session={session} />
      <StatusPill signaling={signaling} />
      <span className="spacer" />
      <NameEditor session={session} />
      <ThemeButton />
      <button type="button" className="button button-primary invite-button" onClick={() => setInviting(true)}>
        <UserPlus aria-hidden="true" /> <span>{text.room.invite}</span>
      </button>
      {isInviting && (
        <Dialog title={text.invite.title} onClose={() => setInviting(false)}>
          <InviteBody invite={invite} />
        </Dialog>
      )}
    </header>
  )
}
