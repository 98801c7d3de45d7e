import { openPeer, WirePeer as Peer, type WirePeer } from './actors.ts'

/** What the peers of a session heard, by name, with how their connections ended. */
export type Transcript = Record<string, unknown>

export interface Session {
  readonly name: string
  /** Plays the session against the server at `port`. */
  play(port: number): Promise<Transcript>
  /** Where ours is meant to differ: why, and what ours says instead. */
  readonly differs?: { readonly rule: string; readonly reason: string; readonly ours: Transcript }
}

const OFFER_PAYLOAD = {
  sdp: { type: 'offer', sdp: 'v=0\r\n' },
  type: 'data',
  connectionId: 'dc_1',
  metadata: { a: [1, 'é', null] },
}

/** Two peers; the first says `frame`, then both settle. */
async function say(port: number, ...frames: unknown[]): Promise<Transcript> {
  const [alice, bob] = [await openPeer(port, 'alice'), await openPeer(port, 'bob')]
  for (const frame of frames) alice.send(frame)
  await alice.settles('alice')
  await bob.settles('bob')
  return end({ alice, bob })
}

async function refused(port: number, query: string): Promise<Transcript> {
  const alice = new Peer(port, query)
  const ending = await alice.closed
  return { alice: alice.heard, ending }
}

async function end(peers: Record<string, WirePeer>): Promise<Transcript> {
  const transcript: Transcript = {}
  for (const [name, peer] of Object.entries(peers)) {
    transcript[name] = peer.heard
    if (peer.ending !== undefined) transcript[`${name} ended`] = peer.ending
  }
  for (const peer of Object.values(peers)) await peer.close()
  return transcript
}

function relays(name: string, frame: object): Session {
  return { name, play: (port) => say(port, frame) }
}

const OPEN = { type: 'OPEN' }
const NO_STATUS = { code: 1005, reason: '' }

/** Sessions that both servers answer alike, then those where ours is meant to differ. */
export const SESSIONS: readonly Session[] = [
  { name: 'a connect is answered by OPEN alone', play: (port) => say(port) },
  { name: 'no id is an error', play: (port) => refused(port, '?key=peerjs&token=t') },
  { name: 'no token is an error', play: (port) => refused(port, '?key=peerjs&id=alice') },
  { name: 'no key is an error', play: (port) => refused(port, '?id=alice&token=t') },
  { name: 'no query is an error', play: (port) => refused(port, '') },
  { name: 'an empty id is an error', play: (port) => refused(port, '?key=peerjs&id=&token=t') },
  {
    name: 'the last of two ids counts',
    play: async (port) => {
      const alice = new Peer(port, '?key=peerjs&id=first&id=alice&token=t')
      await alice.hears(1)
      await alice.settles('alice')
      return end({ alice })
    },
  },
  {
    name: 'the query is read in any order, decoded',
    play: async (port) => {
      const alice = new Peer(port, '?version=1&token=t&id=ali%20ce&key=peerjs&ts=1')
      await alice.hears(1)
      await alice.settles('ali ce')
      return end({ alice })
    },
  },
  {
    name: 'an id with another token is taken',
    play: async (port) => {
      const alice = await openPeer(port, 'alice')
      const thief = new Peer(port, '?key=peerjs&id=alice&token=other')
      const ending = await thief.closed
      await alice.settles('alice')
      return { thief: thief.heard, ending, ...(await end({ alice })) }
    },
  },
  {
    name: 'an id is free again when its connection has closed',
    play: async (port) => {
      await (await openPeer(port, 'alice')).close()
      const next = new Peer(port, '?key=peerjs&id=alice&token=other')
      await next.hears(1)
      return end({ next })
    },
  },
  relays('an offer arrives with its sender', { type: 'OFFER', payload: OFFER_PAYLOAD, dst: 'bob' }),
  relays('an answer arrives with its sender', {
    type: 'ANSWER',
    payload: { sdp: 'x', type: 'data' },
    dst: 'bob',
  }),
  relays('a candidate arrives with its sender', {
    type: 'CANDIDATE',
    payload: { candidate: {} },
    dst: 'bob',
  }),
  relays('a leave with a destination is relayed', { type: 'LEAVE', dst: 'bob' }),
  relays('an expire with a destination is relayed', { type: 'EXPIRE', dst: 'bob' }),
  relays('a forged sender is overwritten', { type: 'OFFER', src: 'carol', payload: 1, dst: 'bob' }),
  relays('members that the protocol does not know are dropped', {
    type: 'OFFER',
    payload: 1,
    dst: 'bob',
    extra: true,
  }),
  relays('an unknown member in place of the payload is dropped', { type: 'OFFER', dst: 'bob', extra: true }),
  relays('a null payload stays', { type: 'OFFER', payload: null, dst: 'bob' }),
  relays('a text payload stays', { type: 'OFFER', payload: '"\\\u2028', dst: 'bob' }),
  relays('a message to oneself comes back', { type: 'OFFER', payload: 2, dst: 'alice' }),
  relays('a heartbeat is not answered', { type: 'HEARTBEAT' }),
  relays('an unknown type is ignored', { type: 'PUBLISH', payload: 1, dst: 'bob' }),
  relays('OPEN from a peer is ignored', { type: 'OPEN', dst: 'bob' }),
  relays('an offer without a destination is ignored', { type: 'OFFER', payload: 1 }),
  relays('an offer with an empty destination is ignored', { type: 'OFFER', payload: 1, dst: '' }),
  relays('a leave for an absent peer is ignored', { type: 'LEAVE', dst: 'carol' }),
  relays('an expire for an absent peer is ignored', { type: 'EXPIRE', dst: 'carol' }),
  {
    name: 'what is no JSON is ignored',
    play: (port) => say(port, '{"type":', '', 'null', '3', '[]', '"OFFER"'),
  },
  {
    name: 'a forged sender in front of a duplicate is overwritten',
    play: (port) => say(port, '{"src":"carol","type":"OFFER","payload":1,"dst":"bob","s\\u0072c":"dora"}'),
  },
  {
    name: 'of duplicate members the last counts',
    play: (port) =>
      say(port, '{"type":"LEAVE","type":"OFFER","payload":1,"payload":2,"dst":"alice","dst":"bob"}'),
  },
  {
    name: 'white space is no matter',
    play: (port) => say(port, ' { "type" : "OFFER", "payload" : [ 1 ], "dst" : "bob" } '),
  },
  {
    name: 'messages keep their order',
    play: (port) =>
      say(port, ...Array.from({ length: 50 }, (_, payload) => ({ type: 'CANDIDATE', payload, dst: 'bob' }))),
  },
  {
    name: 'what waits for an absent peer comes after its OPEN, in order',
    play: async (port) => {
      const alice = await openPeer(port, 'alice')
      alice.send({ type: 'OFFER', payload: 1, dst: 'bob' })
      alice.send({ type: 'CANDIDATE', payload: 2, dst: 'bob' })
      await alice.settles('alice')
      const bob = await openPeer(port, 'bob')
      await bob.hears(3)
      await bob.settles('bob')
      return end({ alice, bob })
    },
  },
  {
    name: 'what waits comes only once',
    play: async (port) => {
      const alice = await openPeer(port, 'alice')
      alice.send({ type: 'OFFER', payload: 1, dst: 'bob' })
      await alice.settles('alice')
      const bob = await openPeer(port, 'bob')
      await bob.hears(2)
      await bob.close()
      const again = await openPeer(port, 'bob')
      await again.settles('bob')
      return end({ alice, again })
    },
  },
  {
    name: 'what waited too long expires with one word for each absent peer',
    play: async (port) => {
      const alice = await openPeer(port, 'alice')
      for (const dst of ['bob', 'bob', 'carol']) alice.send({ type: 'OFFER', payload: 1, dst })
      await alice.hears(3)
      await alice.settles('alice')
      return end({ alice })
    },
  },
  {
    name: 'a peer that closes is not announced to the others',
    play: async (port) => {
      const [alice, bob] = [await openPeer(port, 'alice'), await openPeer(port, 'bob')]
      await bob.close()
      await alice.settles('alice')
      return end({ alice })
    },
  },
  {
    name: 'the same id and token again takes over',
    play: async (port) => {
      const old = await openPeer(port, 'alice')
      const fresh = new Peer(port, '?key=peerjs&id=alice&token=tokenalice')
      const bob = await openPeer(port, 'bob')
      await fresh.opened
      bob.send({ type: 'OFFER', payload: 1, dst: 'alice' })
      await bob.settles('bob')
      while (!JSON.stringify(fresh.heard).includes('OFFER')) await fresh.hears(fresh.heard.length + 1)
      if (JSON.stringify(fresh.heard).includes('OPEN')) await old.closed
      return end({ old, fresh, bob })
    },
    differs: {
      rule: 'SIG3',
      reason:
        'stock sends no OPEN, so reconnect() of a half-open client hangs for ever, and leaves the old socket able to speak',
      ours: {
        old: [OPEN],
        'old ended': { code: 4000, reason: 'replaced by a newer connection' },
        fresh: [OPEN, { type: 'OFFER', src: 'bob', dst: 'alice', payload: 1 }],
        bob: [OPEN],
      },
    },
  },
  {
    name: 'a leave without a destination gives the id back',
    play: async (port) => {
      const ghost = await openPeer(port, 'ghost')
      ghost.send({ type: 'LEAVE' })
      const bob = await openPeer(port, 'bob')
      ghost.send({ type: 'OFFER', payload: 1, dst: 'bob' })
      const heard = await Promise.race([bob.hears(2), ghost.closed])
      return { heard, ...(await end({ ghost })), ...(await end({ bob })) }
    },
    differs: {
      rule: 'SIG4',
      reason:
        'stock keeps the socket of a peer that left, which then speaks under an id that another may have taken',
      ours: {
        heard: { code: 1000, reason: 'left' },
        ghost: [OPEN],
        'ghost ended': { code: 1000, reason: 'left' },
        bob: [OPEN],
      },
    },
  },
  {
    name: 'another key is a room of its own',
    play: (port) => refused(port, '?key=room1&id=alice&token=t'),
    differs: {
      rule: 'SIG2',
      reason:
        'stock has one key; here every key is a room, so this one opens (and is closed by the server below)',
      ours: { alice: [OPEN], ending: { code: 1001, reason: 'the test is over' } },
    },
  },
  {
    name: 'an id outside the alphabet of PeerJS is refused',
    play: async (port) => {
      const alice = new Peer(port, `?key=peerjs&id=${encodeURIComponent('__proto__')}&token=t`)
      await alice.hears(1)
      await Promise.race([alice.closed, alice.settles('__proto__')])
      return end({ alice })
    },
    differs: {
      rule: 'SIG1',
      reason: 'stock takes any text of any length',
      ours: { alice: [{ type: 'ERROR', payload: { msg: 'Invalid id provided' } }], 'alice ended': NO_STATUS },
    },
  },
  {
    name: 'a binary frame is refused',
    play: async (port) => {
      const alice = await openPeer(port, 'alice')
      alice.send(Buffer.from('{"type":"OFFER","payload":1,"dst":"alice"}'))
      await Promise.race([alice.closed, alice.hears(2)])
      return end({ alice })
    },
    differs: {
      rule: 'SIG7',
      reason: 'the protocol is text; no client sends binary, and its bytes need not be valid UTF-8',
      ours: { alice: [OPEN], 'alice ended': { code: 1003, reason: 'text frames only' } },
    },
  },
  {
    name: 'a destination that is no text is malformed',
    play: async (port) => {
      const alice = await openPeer(port, 'alice')
      alice.send({ type: 'OFFER', payload: 1, dst: 5 })
      alice.send({ type: 'OFFER', payload: 1, dst: 'bob' })
      while (!JSON.stringify(alice.heard).includes('bob')) await alice.hears(alice.heard.length + 1)
      return end({ alice })
    },
    differs: {
      rule: 'SIG7',
      reason: 'stock keeps a queue for the number 5',
      ours: { alice: [OPEN, { type: 'EXPIRE', src: 'bob', dst: 'alice' }] },
    },
  },
  {
    name: 'a payload nested deeper than 32 levels is malformed',
    play: async (port) => {
      const alice = await openPeer(port, 'alice')
      alice.send(`{"type":"OFFER","payload":${'['.repeat(40)}${']'.repeat(40)},"dst":"alice"}`)
      await alice.settles('alice')
      return { heard: alice.heard.length, ...(await end({ alice })) }
    },
    differs: {
      rule: 'SIG7',
      reason: 'depth serves only to overflow the stacks of receivers',
      ours: { heard: 1, alice: [OPEN] },
    },
  },
]
