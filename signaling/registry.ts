/** A registered peer. `link` is the connection that speaks for it at the moment. */
export interface Peer<Link> {
  readonly id: string
  readonly token: string
  readonly room: Room<Link>
  link: Link
  /** Its place in the room's list, for drawing members at random. */
  place: number
}

/** The peers of one key. Peers of different keys never see or reach each other. */
export interface Room<Link> {
  readonly key: string
  readonly byId: Map<string, Peer<Link>>
  readonly members: Peer<Link>[]
}

export type Registration<Link> =
  | { readonly outcome: 'opened'; readonly peer: Peer<Link> }
  /** Same id and token: the new connection speaks for the peer from now on. */
  | { readonly outcome: 'reattached'; readonly peer: Peer<Link>; readonly replaced: Link }
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'full' }
  | { readonly outcome: 'keyFull' }

/** Who is here, by key and id. Pure; every operation is O(1), but a sample, which is O(its size). */
export class Registry<Link> {
  readonly #rooms = new Map<string, Room<Link>>()
  readonly #limits: { readonly peers: number; readonly peersPerKey: number }
  #peers = 0

  constructor(limits: { readonly peers: number; readonly peersPerKey: number }) {
    this.#limits = limits
  }

  get peers(): number {
    return this.#peers
  }

  get keys(): number {
    return this.#rooms.size
  }

  register(key: string, id: string, token: string, link: Link): Registration<Link> {
    const room = this.#rooms.get(key)
    const known = room?.byId.get(id)
    if (known !== undefined) return reattach(known, token, link)
    if (this.#peers >= this.#limits.peers) return { outcome: 'full' }
    if (room !== undefined && room.members.length >= this.#limits.peersPerKey) return { outcome: 'keyFull' }
    return { outcome: 'opened', peer: this.#add(room ?? this.#createRoom(key), id, token, link) }
  }

  find(key: string, id: string): Peer<Link> | undefined {
    return this.#rooms.get(key)?.byId.get(id)
  }

  /** Forgets the peer if `link` still speaks for it; says whether it did. */
  release(peer: Peer<Link>, link: Link): boolean {
    const { room } = peer
    if (peer.link !== link || !room.byId.delete(peer.id)) return false
    const last = room.members.pop()
    if (last !== undefined && last !== peer) {
      room.members[peer.place] = last
      last.place = peer.place
    }
    if (room.members.length === 0) this.#rooms.delete(room.key)
    this.#peers--
    return true
  }

  /** At most `count` ids of the key, each subset as likely as any other (Floyd 1987). `random` gives [0, 1). */
  sample(key: string, count: number, random: () => number): string[] {
    const members = this.#rooms.get(key)?.members ?? []
    if (members.length <= count) return members.map((member) => member.id)
    const drawn = new Set<number>()
    for (let top = members.length - count; top < members.length; top++) {
      const place = Math.floor(random() * (top + 1))
      drawn.add(drawn.has(place) ? top : place)
    }
    return Array.from(drawn, (place) => members[place]?.id ?? '')
  }

  #createRoom(key: string): Room<Link> {
    const room: Room<Link> = { key, byId: new Map(), members: [] }
    this.#rooms.set(key, room)
    return room
  }

  #add(room: Room<Link>, id: string, token: string, link: Link): Peer<Link> {
    const peer: Peer<Link> = { id, token, room, link, place: room.members.length }
    room.byId.set(id, peer)
    room.members.push(peer)
    this.#peers++
    return peer
  }
}

function reattach<Link>(peer: Peer<Link>, token: string, link: Link): Registration<Link> {
  if (peer.token !== token) return { outcome: 'taken' }
  const replaced = peer.link
  peer.link = link
  return { outcome: 'reattached', peer, replaced }
}
