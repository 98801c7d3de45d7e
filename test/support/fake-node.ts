/**
 * A MeshNode in memory with peers that chat, hold shards and work, for looking at the page's views without a room
 * (`vite --mode fake`). `?scene=` chooses what is shown: busy (default), alone, trouble, unreachable, full, insecure,
 * unsupported, refused, bad-invite; `?stepMs=` how fast jobs run.
 */
import type { JobId, MessageId, PeerId, RoomId } from '../../web/base/index.ts'
import type { JoinOptions, KnownRoom, Profile } from '../../web/browser.ts'
import type { HistoryEntry } from '../../web/messaging/index.ts'
import type { CloseReason, MeshNode, NodePeer, NodeProblem, NodeSnapshot } from '../../web/node.ts'
import { createFakeDatasets, type FakeDataset } from './fake-data.ts'
import { createFakeJobs, setFakeMembers } from './fake-jobs.ts'

const query = new URLSearchParams(location.search)
const scene = query.get('scene') ?? 'busy'
const ROOM = 'ydvm3iqh7ktcw2oe5xglp4rabnfuzsj6' as RoomId
const SELF = 'qk4tzl7wcm2ayh5vnd3ubx6gpsejrfoi' as PeerId
const NAMES = ['Grace', 'Edsger', 'Katherine', 'Barbara']
const PEERS = NAMES.map(
  (_, at) => `${'abcdefghij'[at]}7kq2mzc5w4tyl3hndvubxgpsejrfoia`.slice(0, 32) as PeerId,
)
let name = localStorage.getItem('fake.name') ?? 'Quiet Heron'

export async function openProfile(): Promise<Profile> {
  return {
    name: async () => name,
    setName: async (next) => {
      name = next
      localStorage.setItem('fake.name', next)
    },
    rooms: async () => rooms(),
    labelRoom: async (roomId, label) =>
      saveRooms(rooms().map((room) => (room.roomId === roomId ? { ...room, label } : room))),
    forgetRoom: async (roomId) => saveRooms(rooms().filter((room) => room.roomId !== roomId)),
    onRooms: () => () => {},
  }
}

export async function joinRoom(options: JoinOptions): Promise<MeshNode> {
  await new Promise((done) => setTimeout(done, Number(query.get('joinMs') ?? 200)))
  const refusals: Record<string, readonly [string, string]> = {
    insecure: ['insecure', 'This page was opened over plain http.'],
    unsupported: ['unsupported', 'This browser has no Ed25519 keys.'],
    refused: ['storage-refused', 'IndexedDB did not open.'],
    'bad-invite': ['bad-invite', 'This is not an invite.'],
    'unknown-room': ['unknown-room', 'This room is not known here.'],
  }
  const refusal = refusals[scene]
  if (refusal) throw Object.assign(new Error(refusal[1]), { name: 'BrowserError', code: refusal[0] })
  if (options.room !== 'new' && 'id' in options.room && options.room.id !== ROOM) {
    throw Object.assign(new Error('This room is not known here.'), {
      name: 'BrowserError',
      code: 'unknown-room',
    })
  }
  if (!rooms().some((room) => room.roomId === ROOM))
    saveRooms([{ roomId: ROOM, label: '', lastOpenedAt: Date.now() }, ...rooms()])
  return createFakeNode()
}

function rooms(): KnownRoom[] {
  const kept = localStorage.getItem('fake.rooms')
  if (kept) return JSON.parse(kept) as KnownRoom[]
  if (query.get('rooms') === 'none') return []
  const other = 'b5vm3iqh7ktcw2oe5xglp4rabnfuzsj6' as RoomId
  return [
    { roomId: ROOM, label: 'Delay study', lastOpenedAt: Date.now() - 7_200_000 },
    { roomId: other, label: '', lastOpenedAt: Date.now() - 86_400_000 * 3 },
  ]
}

function saveRooms(next: KnownRoom[]): void {
  localStorage.setItem('fake.rooms', JSON.stringify(next))
}

function createFakeNode(): MeshNode {
  const listeners = new Set<() => void>()
  const historyListeners = new Set<() => void>()
  const closed = Promise.withResolvers<CloseReason>()
  const peers = scene === 'alone' || scene === 'unreachable' ? [] : fakePeers()
  const members = () => [
    SELF,
    ...peers
      .filter((peer) => peer.state === 'direct' || peer.state === 'forwarded')
      .map((peer) => peer.peerId),
  ]
  setFakeMembers(members())
  let snapshot: NodeSnapshot | undefined
  const switches = { holdsData: true, takesWork: true }
  const changed = () => {
    snapshot = undefined
    for (const listener of listeners) listener()
  }
  const data = createFakeDatasets(SELF, members, changed)
  if (peers.length > 0) for (const dataset of fakeFiles()) data.put(dataset)
  const jobs = createFakeJobs({
    members,
    find: data.find,
    stepMs: Number(query.get('stepMs') ?? 60),
    running: () =>
      peers.length === 0
        ? []
        : [
            {
              jobId: 'otherjob1' as JobId,
              submitter: PEERS[0] as PeerId,
              dataset: 'flights.csv',
              attempts: 2,
            },
          ],
  })
  const entries = new Map<string, readonly HistoryEntry[]>(peers.length === 0 ? [] : fakeMessages())
  const push = (topic: string, entry: HistoryEntry) => {
    entries.set(topic, [...(entries.get(topic) ?? []).filter((known) => known.id !== entry.id), entry])
    for (const listener of historyListeners) listener()
  }
  let sent = 0
  const node: MeshNode = {
    id: SELF,
    get name() {
      return name
    },
    roomId: ROOM,
    invite: `${location.origin}/#k7q2mzc5w4tyl3hndvubxgpsejrfoiak7q2mzc5w4tyl3hndvubx`,
    peers: () => [],
    getSnapshot: () => {
      snapshot ??= {
        id: SELF,
        name,
        roomId: ROOM,
        invite: node.invite,
        signaling: scene === 'unreachable' ? 'unreachable' : scene === 'trouble' ? 'retrying' : 'connected',
        peers,
        datasets: data.infos(),
        shardsHeld: 71,
        bytesHeld: 24_300_000,
        storage: { usedBytes: 61_000_000, quotaBytes: 10_700_000_000 },
        ...switches,
        problem: problemOf(),
      }
      return snapshot
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    rename: (next) => {
      name = next
      changed()
    },
    configure: (next) => {
      Object.assign(switches, next)
      changed()
    },
    updateProfile: () => undefined,
    topic: (topic) => ({
      name: topic,
      publish: async (body, options) => {
        const id = `${SELF}/${++sent}` as MessageId
        const entry: HistoryEntry = {
          id,
          topic,
          body,
          headers: options?.headers ?? {},
          from: SELF,
          sentAt: Date.now(),
          state: 'sending',
        }
        push(topic, entry)
        if (peers.length > 0) setTimeout(() => push(topic, { ...entry, state: 'delivered' }), 800)
        return { id, level: 'accepted', copies: 1 }
      },
      subscribe: () => {
        throw new Error('the fake has no subscriptions')
      },
      unsubscribe: () => Promise.reject(new Error('the fake has no subscriptions')),
    }),
    queue: () => {
      throw new Error('the fake has no queues')
    },
    destinations: {
      configure: () => Promise.resolve(),
      settings: () => [],
      forget: () => Promise.resolve(),
      divert: () => Promise.resolve(),
      undivert: () => Promise.resolve(),
      diverts: () => [],
      subscriptions: () => [],
      queues: () => [],
      subscribe: () => () => {},
    },
    files: fakeTransfers(),
    request: () => Promise.reject(new Error('the fake has no queues')),
    transaction: () => Promise.reject(new Error('the fake has no queues')),
    history: {
      topics: () => [...entries.keys()].sort(),
      entries: (topic) => entries.get(topic) ?? NONE,
      subscribe: (listener) => {
        historyListeners.add(listener)
        return () => historyListeners.delete(listener)
      },
      retry: async (id) => {
        for (const [topic, all] of entries) {
          const found = all.find((entry) => entry.id === id)
          if (found) push(topic, { ...found, state: 'delivered' })
        }
      },
    },
    datasets: data.datasets,
    jobs,
    drain: async () => closed.resolve('drained'),
    close: async () => closed.resolve('closed'),
    closed: closed.promise,
    [Symbol.asyncDispose]: async () => closed.resolve('closed'),
  }
  return node
}

const NONE: readonly HistoryEntry[] = []

function problemOf(): NodeProblem | undefined {
  if (scene === 'full')
    return { code: 'room-full', message: 'This room already has 12 members, which is as many as it takes.' }
  if (scene === 'storage')
    return { code: 'storage', message: 'This browser stopped giving access to its storage.' }
  return undefined
}

function fakePeers(): NodePeer[] {
  const base = { bytesIn: 18_400_000, bytesOut: 22_100_000, isHidden: false, shardsHeld: 64 }
  const peers: NodePeer[] = [
    { ...base, peerId: PEERS[0] as PeerId, name: 'Grace', state: 'direct', rttMs: 1.4 },
    {
      ...base,
      peerId: PEERS[1] as PeerId,
      name: 'Edsger',
      state: 'direct',
      rttMs: 23.8,
      bytesIn: 912_000,
      isHidden: true,
      shardsHeld: 57,
    },
  ]
  if (scene !== 'trouble') return peers
  return [
    ...peers,
    {
      ...base,
      peerId: PEERS[2] as PeerId,
      name: 'Katherine',
      state: 'connecting',
      rttMs: undefined,
      bytesIn: 0,
      bytesOut: 0,
      shardsHeld: 0,
    },
    {
      ...base,
      peerId: PEERS[3] as PeerId,
      name: 'Barbara',
      state: 'lost',
      rttMs: undefined,
      shardsHeld: 0,
      reason: 'This network does not let these two devices connect. Use the same network on both.',
    },
  ]
}

function fakeFiles(): FakeDataset[] {
  const cities = ['ABQ', 'ATL', 'BOS', 'DEN', 'DFW', 'JFK', 'LAX', 'MSP', 'ORD', 'PHX', 'SEA', 'SFO']
  const flights = Array.from({ length: 6400 }, (_, at) => ({
    date: `2001/01/${String((at % 31) + 1).padStart(2, '0')}`,
    origin: cities[(at * 7 + (at >> 3)) % cities.length],
    destination: cities[(at * 5 + 3) % cities.length],
    delay: String(((at * 37) % 91) - 12),
    distance: String(200 + ((at * 131) % 2400)),
  }))
  const isTrouble = scene === 'trouble'
  const words = ['the', 'mesh', 'keeps', 'a', 'quiet', 'copy', 'of', 'every', 'part']
  const lines = Array.from({ length: 900 }, (_, at) =>
    words.map((_, i) => words[(at * i + at) % words.length]).join(' '),
  )
  return [
    {
      name: 'flights.csv',
      format: {
        kind: 'csv',
        delimiter: ',',
        columns: ['date', 'origin', 'destination', 'delay', 'distance'],
      },
      records: flights,
      bytes: 18_734_112,
      shardCount: 64,
      missing: isTrouble ? 3 : 0,
      absent: 0,
    },
    {
      name: 'field-notes.txt',
      format: { kind: 'text' },
      records: lines,
      bytes: 912_334,
      shardCount: 14,
      missing: 0,
      absent: isTrouble ? 2 : 0,
    },
  ]
}

function fakeMessages(): [string, readonly HistoryEntry[]][] {
  const base = { headers: {}, topic: 'chat.general', state: 'received' as const }
  const at = (minutes: number) => Date.now() - minutes * 60_000
  const say = (
    id: number,
    from: PeerId,
    minutes: number,
    body: string,
    more: Partial<HistoryEntry> = {},
  ): HistoryEntry => ({
    ...base,
    id: `${from}/${id}` as MessageId,
    from,
    body,
    sentAt: at(minutes),
    headers: { name: from === SELF ? name : (NAMES[PEERS.indexOf(from)] ?? 'Ada') },
    ...more,
  })
  const [grace, edsger] = PEERS as [PeerId, PeerId]
  return [
    [
      'chat.general',
      [
        say(1, grace, 60 * 26, 'I put last winter in *flights.csv*. No need to download it, just run on it.'),
        say(2, edsger, 60 * 25, 'Nice. Is `delay` in minutes?'),
        say(3, grace, 60 * 25 - 1, 'Yes, negative means early. Columns: https://example.org/flights/columns'),
        say(4, SELF, 42, 'I will count by origin first.', { state: 'delivered' }),
        say(5, SELF, 41, 'Then the average delay.\nThat should take a second.', { state: 'delivered' }),
        say(6, edsger, 12, 'My tab is in the background now, it keeps its parts.'),
        say(7, SELF, 3, 'Still on the train, this one is waiting.', { state: 'sending' }),
        say(8, SELF, 2, 'And this one did not make it.', {
          state: 'failed',
          reason: 'Nobody took it within 7 days.',
        }),
      ],
    ],
    [
      'chat.results',
      [
        say(9, grace, 9, 'ORD is the worst, as always.', { topic: 'chat.results' }),
        say(10, grace, 8, 'Look at the chart.', { topic: 'chat.results' }),
      ],
    ],
  ]
}

const NO_TRANSFERS: readonly never[] = []

function fakeTransfers(): MeshNode['files'] {
  const refuse = (): never => {
    throw new Error('the fake has no files')
  }
  return { list: () => NO_TRANSFERS, subscribe: () => () => {}, send: refuse, share: refuse, fetch: refuse }
}
