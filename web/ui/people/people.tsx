import { useSnapshot } from '../hooks.ts'
import { Avatar } from '../parts/avatar.tsx'
import { text } from '../text.ts'
import { TransferList } from '../transfers/transfer-list.tsx'
import { nameOf, useDirectory } from './directory.ts'
import { PeerRow } from './peer-row.tsx'
import { ThisDevice } from './this-device.tsx'
import { useShownPeers } from './use-shown-peers.ts'

export function People() {
  const snapshot = useSnapshot()
  const peers = useShownPeers()
  const self = useDirectory()(snapshot.id)
  return (
    <div className="people">
      <section aria-labelledby="people-title">
        <h2 id="people-title" className="section-title">
          {text.people.title} <span className="badge">{peers.length + 1}</span>
        </h2>
        <ul className="peer-list">
          <li className="peer">
            <Avatar person={self} />
            <div className="peer-body">
              <p className="peer-name">{nameOf(self)}</p>
              {snapshot.shardsHeld > 0 && (
                <p className="peer-facts">{text.people.holds(snapshot.shardsHeld)}</p>
              )}
            </div>
          </li>
          {peers.map((peer) => (
            <PeerRow key={peer.peerId} peer={peer} />
          ))}
        </ul>
        {peers.length === 0 && (
          <p className="people-alone">
            <strong>{text.people.alone}</strong> {text.people.aloneHint}
          </p>
        )}
      </section>
      <TransferList />
      <ThisDevice />
    </div>
  )
}
