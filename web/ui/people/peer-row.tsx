import { ArrowDown, ArrowUp } from 'lucide-react'
import type { NodePeer } from '../../node.ts'
import { bytesText, durationText } from '../format.ts'
import { Avatar } from '../parts/avatar.tsx'
import { text } from '../text.ts'
import { SendFileButton } from '../transfers/send-file-button.tsx'
import { useDirectory } from './directory.ts'

/** Another peer: link in words, round trip, bytes, what it holds, and why it is not linked. */
export function PeerRow({ peer }: { peer: NodePeer }) {
  const person = useDirectory()(peer.peerId)
  const isLinked = peer.state === 'direct' || peer.state === 'forwarded'
  return (
    <li className={`peer peer-${peer.state}`}>
      <Avatar person={person} />
      <div className="peer-body">
        <p className="peer-name">{person.name}</p>
        <p className="peer-state">
          <span className={`link-dot link-${peer.state}`} aria-hidden="true" />
          {stateWords(peer, isLinked)}
        </p>
        {isLinked && (
          <p className="peer-facts">
            {peer.shardsHeld > 0 && <span>{text.people.holds(peer.shardsHeld)}</span>}
            <span>
              <ArrowDown aria-hidden="true" />
              <span className="visually-hidden">received </span>
              {bytesText(peer.bytesIn)}
            </span>
            <span>
              <ArrowUp aria-hidden="true" />
              <span className="visually-hidden">sent </span>
              {bytesText(peer.bytesOut)}
            </span>
          </p>
        )}
        {peer.reason && <p className="peer-reason">{peer.reason}</p>}
      </div>
      {isLinked && <SendFileButton to={peer.peerId} name={person.name} />}
    </li>
  )
}

/** `direct link · 1.4 ms · in the background` */
function stateWords(peer: NodePeer, isLinked: boolean): string {
  const words: string[] = [text.people.state[peer.state]]
  if (isLinked && peer.rttMs !== undefined) words.push(durationText(peer.rttMs))
  if (isLinked && peer.isHidden) words.push(text.people.hidden)
  return words.join(' · ')
}
