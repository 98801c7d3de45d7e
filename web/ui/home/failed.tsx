import { useEffect } from 'react'
import type { Place } from '../room-switch.ts'
import type { Session } from '../session.ts'
import { text } from '../text.ts'
import { HttpsLink } from './https-link.tsx'
import { JoinField } from './join-field.tsx'
import { MessagePage } from './message-page.tsx'

/** Why the room did not open, and the one thing to do about it. */
export function Failed({ place, session }: { place: Extract<Place, { kind: 'failed' }>; session: Session }) {
  const known = text.failed[place.code]
  const [title, body] = known ?? [text.failedOther, place.message]
  const needsInvite = place.code === 'unknown-room' || place.code === 'bad-invite'
  const isElsewhere = place.code === 'other-server' && place.link !== undefined
  const isUseless = place.code === 'bad-invite' || place.code === 'other-server'
  useEffect(() => {
    // What cannot be used here, and holds a secret, does not stay in the address and the browser's history.
    if (isUseless) history.replaceState(history.state, '', location.pathname + location.search)
  }, [isUseless])
  return (
    <MessagePage
      onHome={session.goHome}
      title={title}
      body={body}
      detail={known && !needsInvite ? place.message : undefined}
    >
      {needsInvite && <JoinField isMain />}
      {isElsewhere && (
        <a className="button button-primary" href={place.link} rel="noreferrer">
          {text.openThere}
        </a>
      )}
      {place.code === 'insecure' && <HttpsLink link={place.link} />}
      {!needsInvite && !isElsewhere && place.code !== 'insecure' && (
        <button type="button" className="button button-primary" onClick={session.follow}>
          {text.retry}
        </button>
      )}
    </MessagePage>
  )
}
