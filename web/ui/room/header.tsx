import { UserPlus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { useSnapshot } from '../hooks.ts'
import { Mark } from '../parts/mark.tsx'
import { ThemeButton } from '../parts/theme-button.tsx'
import type { Session } from '../session.ts'
import { text } from '../text.ts'
import { NameEditor } from './name-editor.tsx'
import { RoomLabel } from './room-label.tsx'
import { StatusPill } from './status-pill.tsx'

/** With the QR encoder, which only an inviter needs. */
const InviteDialog = lazy(async () => ({ default: (await import('./invite-dialog.tsx')).InviteDialog }))

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
        onClick={() => void session.goHome()}
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
      <Suspense>{isInviting && <InviteDialog invite={invite} onClose={() => setInviting(false)} />}</Suspense>
    </header>
  )
}
