import { useSyncExternalStore } from 'react'
import type { CloseReason } from '../node.ts'
import { Failed } from './home/failed.tsx'
import { Home } from './home/home.tsx'
import { MessagePage } from './home/message-page.tsx'
import { Boundary } from './parts/boundary.tsx'
import { RoomView } from './room/room.tsx'
import type { Place } from './room-switch.ts'
import type { Session } from './session.ts'
import { text } from './text.ts'
import { UpdateBar } from './update/update-bar.tsx'

export function App({ session }: { session: Session }) {
  const place = useSyncExternalStore(session.place.subscribe, session.place.get)
  return (
    <>
      <Boundary key={place.kind}>{placeView(place, session)}</Boundary>
      <UpdateBar />
    </>
  )
}

function placeView(place: Place, session: Session) {
  switch (place.kind) {
    case 'home':
      return <Home profile={session.profile} />
    case 'joining':
      return <MessagePage title={place.isNew ? text.joining.fresh : text.joining.room} body="" isBusy />
    case 'leaving':
      return <MessagePage title={text.leaving} body="" isBusy />
    case 'room':
      return <RoomView key={place.node.id} node={place.node} session={session} />
    case 'failed':
      return <Failed place={place} session={session} />
    case 'ended':
      return <Ended reason={place.reason} session={session} />
  }
}

function Ended({ reason, session }: { reason: CloseReason; session: Session }) {
  const [title, body] = text.ended[reason] ?? ['', '']
  return (
    <MessagePage title={title} body={body} onHome={session.goHome}>
      {reason !== 'forgotten' && (
        <button type="button" className="button button-primary" onClick={session.follow}>
          {text.openAgain}
        </button>
      )}
    </MessagePage>
  )
}
