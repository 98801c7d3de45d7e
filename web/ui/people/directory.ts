import { createContext, useContext, useMemo, useState } from 'react'
import type { PeerId } from '../../base/index.ts'
import type { NodeSnapshot } from '../../node.ts'
import { text } from '../text.ts'
import { createHues } from './hues.ts'

export interface Person {
  readonly peerId: PeerId
  readonly name: string
  readonly hue: number
  readonly isSelf: boolean
}
/** Names and colours of everybody that this page has heard of. */
export type Directory = (peerId: PeerId, knownName?: string) => Person

export const DirectoryContext = createContext<Directory | undefined>(undefined)

export function useDirectory(): Directory {
  const directory = useContext(DirectoryContext)
  if (directory === undefined) throw new Error('no directory around this component')
  return directory
}

export function useDirectoryOf(snapshot: NodeSnapshot): Directory {
  const { id, name, peers } = snapshot
  const [huesOf] = useState(createHues)
  return useMemo(() => {
    const hues = huesOf([id, ...peers.map((peer) => peer.peerId)])
    const names = new Map<PeerId, string>([
      ...peers.map((peer) => [peer.peerId, peer.name] as const),
      [id, name],
    ])
    return (peerId, knownName) => ({
      peerId,
      name: names.get(peerId) || knownName || peerId.slice(0, 6),
      hue: hues.get(peerId) ?? 0,
      isSelf: peerId === id,
    })
  }, [id, name, peers, huesOf])
}

/** `Ada (you)`. */
export function nameOf(person: Person): string {
  return person.isSelf ? `${person.name} (${text.people.you})` : person.name
}
