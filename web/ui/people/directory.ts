import { createContext, useContext, useMemo, useState } from 'react'
import { nameLikeness, type PeerId, visibleName } from '../../base/index.ts'
import type { NodeSnapshot } from '../../node.ts'
import { text } from '../text.ts'
import { createHues } from './hues.ts'

/** Letters that are written from right to left. */
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u
/** Name likenesses that are remembered. */
const MAX_REMEMBERED = 1_000

export interface Person {
  readonly peerId: PeerId
  /**
   * Fit to stand in any text: cleaned, isolated where it is written from right to left, and with the beginning of the id where
   * somebody else's looks like it.
   */
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
  const [tellApart] = useState(createDoubles)
  return useMemo(() => {
    const hues = huesOf([id, ...peers.map((peer) => peer.peerId)])
    const names = new Map<PeerId, string>([
      ...peers.map((peer) => [peer.peerId, peer.name] as const),
      [id, name],
    ])
    for (const [peerId, present] of names) tellApart(peerId, present)
    return (peerId, knownName) => ({
      peerId,
      name: tellApart(peerId, names.get(peerId) || visibleName(knownName ?? '') || peerId.slice(0, 6)),
      hue: hues.get(peerId) ?? 0,
      isSelf: peerId === id,
    })
  }, [id, name, peers, huesOf, tellApart])
}

/** Gives a name as it is shown; one that looks like another's of whom it has heard gets the beginning of its owner's id. */
export function createDoubles(): (peerId: PeerId, name: string) => string {
  const owners = new Map<string, Set<PeerId>>()
  return (peerId, name) => {
    const likeness = nameLikeness(name)
    const known = owners.get(likeness) ?? new Set()
    owners.set(likeness, known.add(peerId))
    if (owners.size > MAX_REMEMBERED) owners.delete(owners.keys().next().value as string)
    const shown = RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name
    return known.size > 1 ? `${shown} · ${peerId.slice(0, 4)}` : shown
  }
}

/** `Ada (you)`. */
export function nameOf(person: Person): string {
  return person.isSelf ? `${person.name} (${text.people.you})` : person.name
}
