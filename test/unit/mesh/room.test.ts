import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../../web/base/index.ts'
import { shakeHands } from '../../../web/mesh/handshake/handshake.ts'
import { encodeRefuse, PROTOCOL_VERSION } from '../../../web/mesh/handshake/handshake-wire.ts'
import {
  createRoom,
  deriveRoom,
  type MembershipChange,
  type Room,
  type RoomEnd,
  type Transport,
} from '../../../web/mesh/index.ts'
import {
  createSimulation,
  joinRoom,
  SIM_ROOM_SECRET,
  type SimTab,
  type Simulation,
} from '../../support/sim/index.ts'

const JOIN_LIMIT_MS = 10_000

/** Tabs 0 to count - 1 join one after the other; all are linked with all. */
async function joinAll(sim: Simulation, count: number): Promise<Room[]> {
  const rooms: Room[] = []
  for (let n = 0; n < count; n++) rooms.push(await sim.settle(joinRoom(sim.tab(n))))
  await sim.runUntil(() => rooms.every((room) => isLinkedWith(room, count - 1)), JOIN_LIMIT_MS, 'a full mesh')
  return rooms
}

function isLinkedWith(room: Room, count: number): boolean {
  return room.members().filter(({ isDirect, isSelf }) => isDirect && !isSelf).length === count
}

const namesOf = (room: Room): string[] =>
  room
    .members()
    .map(({ name }) => name)
    .sort()

function changesOf(room: Room): MembershipChange[] {
  const changes: MembershipChange[] = []
  room.onMembership((change) => changes.push(change))
  return changes
}

function endOf(room: Room): { end?: RoomEnd } {
  const seen: { end?: RoomEnd } = {}
  void room.closed.then((end) => {
    seen.end = end
  })
  return seen
}

/** Somebody on the room's public id who answers every connection in his own way. */
async function stranger(
  sim: Simulation,
  tab: SimTab,
  answer: (connection: Parameters<Parameters<Transport['start']>[0]['onConnection']>[0]) => void,
): Promise<void> {
  const { roomId } = await deriveRoom(sim.crypto, SIM_ROOM_SECRET)
  await sim.settle(tab.transport(roomId).start({ onConnection: answer, onSignaling() {} }))
}

async function handshakeOf(
  sim: Simulation,
  tab: SimTab,
  change: { version?: number; proofKey?: Uint8Array; admit?: () => boolean },
) {
  const room = await deriveRoom(sim.crypto, SIM_ROOM_SECRET)
  const { crypto, clock, random, identity, peerId, deviceId } = tab
  const { proofKey, ...rest } = change
  const base = {
    crypto,
    clock,
    random,
    identity,
    peerId,
    deviceId,
    sessionId: 'strangersession' as Room['self']['sessionId'],
  }
  return (connection: Parameters<Parameters<Transport['start']>[0]['onConnection']>[0]) => {
    const keys = proofKey ? { ...room, proofKey } : room
    shakeHands({ ...base, connection, room: keys, admit: () => true, ...rest }).catch(() => {
      // The test looks at the other side.
    })
  }
}

describe('membership of a room', () => {
  test('MEM1: who joins is a member for everybody, and everybody for it, within a second', async () => {
    const sim = createSimulation(1)
    const rooms = await joinAll(sim, 5)
    expect(sim.clock.now()).toBeLessThan(1000)
    for (const room of rooms) expect(namesOf(room)).toEqual(['tab0', 'tab1', 'tab2', 'tab3', 'tab4'])
    for (const room of rooms) expect(room.peers().every(({ state }) => state === 'direct')).toBe(true)
  })

  test('MEM1: alone is a room too, and without signaling as well', async () => {
    const sim = createSimulation(2)
    sim.network.setSignaling(false)
    const room = await sim.settle(joinRoom(sim.tab(0)))
    expect(namesOf(room)).toEqual(['tab0'])
    expect(room.signaling).not.toBe('connected')
    const other = await sim.settle(joinRoom(sim.tab(1)))
    await sim.run(5000)
    sim.network.setSignaling(true)
    await sim.runUntil(
      () => isLinkedWith(room, 1) && isLinkedWith(other, 1),
      2000,
      'they meet once signaling is back',
    )
  })

  test('MEM2: who says goodbye is gone for everybody within 1 s, as left', async () => {
    const sim = createSimulation(3)
    const rooms = await joinAll(sim, 4)
    const changes = rooms.slice(1).map(changesOf)
    const left = rooms[0]?.leave()
    await sim.runUntil(() => rooms.slice(1).every((room) => room.members().length === 3), 1000, 'gone')
    for (const list of changes)
      expect(list.flatMap(({ gone }) => gone).map(({ member, how }) => [member.name, how])).toEqual([
        ['tab0', 'left'],
      ])
    await sim.settle(left as Promise<void>)
    expect(await rooms[0]?.closed).toEqual({ how: 'left' })
    await sim.run(20_000)
    for (const room of rooms.slice(1)) expect(room.members().length).toBe(3)
  })

  test('MEM3: who falls silent is gone for everybody within 6 s, as lost, and is shown for a while', async () => {
    const sim = createSimulation(4)
    const rooms = await joinAll(sim, 5)
    const changes = rooms.slice(1).map(changesOf)
    sim.tab(0).kill()
    await sim.runUntil(() => rooms.slice(1).every((room) => room.members().length === 4), 6000, 'found')
    for (const list of changes)
      expect(list.flatMap(({ gone }) => gone.map(({ how }) => how))).toEqual(['lost'])
    expect(rooms[1]?.peers().find(({ name }) => name === 'tab0')).toMatchObject({
      state: 'lost',
      reason: expect.stringContaining('heard'),
    })
  })

  test('MEM4: a tab that is blocked for 3 s is dropped by nobody and drops nobody', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const sim = createSimulation(seed)
      const rooms = await joinAll(sim, 4)
      const changes = rooms.map(changesOf)
      sim.tab(0).pause(3000)
      await sim.run(12_000)
      expect(
        changes.flat().flatMap(({ gone }) => gone),
        `seed ${seed}`,
      ).toEqual([])
    }
  })

  test('MEM5: a new session of a known peer replaces the old one at once', async () => {
    const sim = createSimulation(6)
    const rooms = await joinAll(sim, 3)
    const old = rooms[0]?.self.sessionId
    sim.tab(0).kill()
    sim.tab(0).restart()
    const again = await sim.settle(joinRoom(sim.tab(0)))
    await sim.runUntil(
      () =>
        rooms.slice(1).every((room) => room.member(again.self.peerId)?.sessionId === again.self.sessionId),
      1000,
      'the new session',
    )
    expect(again.self.sessionId).not.toBe(old)
    await sim.runUntil(() => isLinkedWith(again, 2), 1000, 'linked again')
  })

  test('MEM6: a change of profile reaches everybody, also through a neighbour', async () => {
    const sim = createSimulation(7)
    sim.network.partition([sim.tab(0).peerId], [sim.tab(1).peerId])
    const rooms = [
      await sim.settle(joinRoom(sim.tab(0))),
      await sim.settle(joinRoom(sim.tab(1))),
      await sim.settle(joinRoom(sim.tab(2))),
    ]
    await sim.runUntil(() => rooms.every((room) => room.members().length === 3), 5000, 'three members')
    rooms[0]?.updateProfile({ name: 'Ada', isHidden: true, capacity: 0 })
    await sim.runUntil(() => rooms.every((room) => namesOf(room).includes('Ada')), 1000, 'the new name')
    expect(rooms[1]?.member(sim.tab(0).peerId)).toMatchObject({
      isHidden: true,
      capacity: 0,
      isDirect: false,
    })
  })

  test('MEM6: a profile out of bounds is refused', async () => {
    const sim = createSimulation(8)
    const room = await sim.settle(joinRoom(sim.tab(0)))
    for (const profile of [
      { name: '' },
      { name: 'a\nb' },
      { name: 'x'.repeat(65) },
      { capacity: -1 },
      { slots: 0.5 },
      { capacity: Number.NaN },
    ]) {
      expect(() => room.updateProfile(profile)).toThrow(TypeError)
    }
    room.updateProfile({ name: '🦊'.repeat(64) })
    expect([...room.self.name].length).toBe(64)
  })

  test('MEM7: two without a path between them are members through a neighbour, say so, and link when there is a path', async () => {
    const sim = createSimulation(9)
    const [a, b] = [sim.tab(0).peerId, sim.tab(1).peerId]
    sim.network.partition([a], [b])
    const rooms: Room[] = []
    for (let n = 0; n < 3; n++) rooms.push(await sim.settle(joinRoom(sim.tab(n))))
    const [alice, bob] = rooms as [Room, Room, Room]
    await sim.runUntil(() => rooms.every((room) => room.members().length === 3), 5000, 'three members')
    await sim.runUntil(
      () => alice.peers().find(({ peerId }) => peerId === b)?.reason !== undefined,
      20_000,
      'a reason',
    )
    expect(alice.peers().find(({ peerId }) => peerId === b)).toMatchObject({
      state: 'forwarded',
      reason: 'This network does not let these two devices connect. Use the same network.',
    })
    bob.serve('double', (body) => (body as number) * 2)
    expect(await sim.settle(alice.request(b, 'double', 21, { timeoutMs: 1000 }))).toBe(42)
    sim.network.heal()
    await sim.runUntil(() => rooms.every((room) => isLinkedWith(room, 2)), 20_000, 'a full mesh')
  })

  test('MEM7: a way that is broken in one direction is forwarded round', async () => {
    const sim = createSimulation(10)
    const rooms = await joinAll(sim, 3)
    const [a, b] = [sim.tab(0).peerId, sim.tab(1).peerId]
    sim.network.partition([a], [b], { oneWay: true })
    await sim.run(15_000)
    rooms[1]?.serve('ping', () => 'pong')
    for (const room of rooms) expect(room.members().length).toBe(3)
    expect(await sim.settle((rooms[0] as Room).request(b, 'ping', null, { timeoutMs: 1000 }))).toBe('pong')
  })

  test('MEM8: halves of a split room go on alone and are one again after it', async () => {
    const sim = createSimulation(11)
    const rooms = await joinAll(sim, 4)
    const ids = [0, 1, 2, 3].map((n) => sim.tab(n).peerId)
    sim.network.partition(ids.slice(0, 2), ids.slice(2))
    await sim.runUntil(() => rooms.every((room) => room.members().length === 2), 6500, 'two halves')
    await sim.run(300_000)
    sim.network.heal()
    await sim.runUntil(() => rooms.every((room) => isLinkedWith(room, 3)), 60_000, 'one room')
  })

  test('MEM9: versions grow by one, and members stay the same array until something changes', async () => {
    const sim = createSimulation(12)
    const room = await sim.settle(joinRoom(sim.tab(0)))
    const changes = changesOf(room)
    for (let n = 1; n < 4; n++) await sim.settle(joinRoom(sim.tab(n)))
    await sim.runUntil(() => isLinkedWith(room, 3), 5000)
    expect(changes.map(({ version }) => version)).toEqual(changes.map((_, i) => i + 1))
    const before = room.members()
    await sim.run(5000)
    expect(room.members()).toBe(before)
    expect(room.members().map(({ peerId }) => peerId)).toEqual(
      room
        .members()
        .map(({ peerId }) => peerId)
        .sort(),
    )
  })
})

describe('the door of a room', () => {
  test('MEM10: a 13th is told that the room is full; a member that comes back is not; a place that is free is given', async () => {
    const sim = createSimulation(20)
    const rooms = await joinAll(sim, 12)
    const late = await sim.settle(joinRoom(sim.tab(12)))
    const seen = endOf(late)
    await sim.runUntil(() => seen.end !== undefined, 10_000, 'refused')
    expect(seen.end).toEqual({ how: 'full', message: expect.stringContaining('full') })
    for (const room of rooms) expect(room.members().length).toBe(12)
    sim.tab(0).kill()
    sim.tab(0).restart()
    const back = await sim.settle(joinRoom(sim.tab(0)))
    await sim.runUntil(() => isLinkedWith(back, 11), 2000, 'back')
    await sim.settle(back.leave())
    sim.tab(12).restart()
    const again = await sim.settle(joinRoom(sim.tab(12)))
    await sim.runUntil(() => isLinkedWith(again, 11), 5000, 'let in')
  })

  test('MEM10: of newcomers at the same moment as many stay as there are places', async () => {
    for (let seed = 21; seed < 26; seed++) {
      const sim = createSimulation(seed)
      const rooms = await sim.settle(
        Promise.all(Array.from({ length: 7 }, (_, n) => joinRoom(sim.tab(n), { maxMembers: 4 }))),
      )
      const seen = rooms.map(endOf)
      await sim.run(20_000)
      expect(seen.filter(({ end }) => end?.how === 'full').length, `seed ${seed}`).toBe(3)
      for (const [i, room] of rooms.entries()) if (!seen[i]?.end) expect(room.members().length).toBe(4)
    }
  })

  test('MEM10: of two newcomers at the same moment in a room of 11 one stays, whoever let whom in first', async () => {
    for (let seed = 60; seed < 70; seed++) {
      const sim = createSimulation(seed, { path: { latencyMs: 5, jitterMs: 40 } })
      const rooms = await joinAll(sim, 11)
      await sim.run(11_000)
      const two = await sim.settle(Promise.all([joinRoom(sim.tab(11)), joinRoom(sim.tab(12))]))
      const seen = two.map(endOf)
      await sim.run(20_000)
      expect(seen.filter(({ end }) => end?.how === 'full').length, `seed ${seed}`).toBe(1)
      for (const room of [...rooms, ...two.filter((_, i) => !seen[i]?.end)])
        expect(isLinkedWith(room, 11), `seed ${seed}`).toBe(true)
    }
  })

  test('MEM11: strangers on the room id cannot end a room, whatever they answer', async () => {
    const sim = createSimulation(30)
    const wrong = await deriveRoom(sim.crypto, new Uint8Array(32).fill(9))
    await stranger(sim, sim.tab(5), (connection) => connection.send('control', Uint8Array.of(4, 4, 0, 1)))
    await stranger(sim, sim.tab(6), (connection) => connection.send('control', new Uint8Array(400)))
    await stranger(sim, sim.tab(7), await handshakeOf(sim, sim.tab(7), { proofKey: wrong.proofKey }))
    await stranger(sim, sim.tab(8), () => {})
    const room = await sim.settle(joinRoom(sim.tab(0)))
    const seen = endOf(room)
    await sim.run(60_000)
    expect(seen.end).toBeUndefined()
    expect(namesOf(room)).toEqual(['tab0'])
    const other = await sim.settle(joinRoom(sim.tab(1)))
    await sim.runUntil(() => isLinkedWith(room, 1) && isLinkedWith(other, 1), 2000, 'two honest ones meet')
  })

  test('MEM11: only proven peers are heard when they refuse: another version ends a room that nobody accepts', async () => {
    const sim = createSimulation(31)
    await stranger(sim, sim.tab(5), await handshakeOf(sim, sim.tab(5), { version: PROTOCOL_VERSION + 1 }))
    const room = await sim.settle(joinRoom(sim.tab(0)))
    const seen = endOf(room)
    await sim.runUntil(() => seen.end !== undefined, 10_000, 'the end')
    expect(seen.end).toEqual({ how: 'version', message: expect.stringContaining('Reload') })
  })

  test('MEM11: a proven peer that does not take our proof ends a room that nobody accepts', async () => {
    const sim = createSimulation(34)
    const shake = await handshakeOf(sim, sim.tab(5), {})
    await stranger(sim, sim.tab(5), (connection) => {
      const ACCEPT = 3
      const send = connection.send.bind(connection)
      connection.send = (lane, message) =>
        send(lane, message[0] === ACCEPT ? encodeRefuse('identity') : message)
      shake(connection)
    })
    const room = await sim.settle(joinRoom(sim.tab(0)))
    const seen = endOf(room)
    await sim.runUntil(() => seen.end !== undefined, 10_000, 'the end')
    expect(seen.end).toEqual({ how: 'refused', message: expect.stringContaining('does not own the id') })
  })

  test('MEM11: but not a room where somebody accepts us', async () => {
    const sim = createSimulation(32)
    await stranger(sim, sim.tab(5), await handshakeOf(sim, sim.tab(5), { version: PROTOCOL_VERSION + 1 }))
    const first = await sim.settle(joinRoom(sim.tab(1)))
    const room = await sim.settle(joinRoom(sim.tab(0)))
    const seen = endOf(room)
    await sim.run(30_000)
    expect(seen.end).toBeUndefined()
    expect(isLinkedWith(room, 1) && isLinkedWith(first, 1)).toBe(true)
  })

  test('MEM1: who gives up joining early leaves nothing running', async () => {
    const sim = createSimulation(35)
    const tab = sim.tab(0)
    const room = await deriveRoom(sim.crypto, SIM_ROOM_SECRET)
    const { crypto, clock, random, identity, deviceId } = tab
    const transport = tab.transport(room.roomId)
    const controller = new AbortController()
    const profile = { name: 'a', capacity: 1, slots: 1, isHidden: false }
    const base = { transport, crypto, clock, random, identity, deviceId, room, profile }
    const joining = createRoom({ ...base, signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(sim.settle(joining)).rejects.toThrow('enough')
    expect(transport.signaling).toBe('unreachable')
  })

  test('MEM12: the transport must go by the id of the own key', async () => {
    const sim = createSimulation(33)
    const room = await deriveRoom(sim.crypto, SIM_ROOM_SECRET)
    const { crypto, clock, random, deviceId } = sim.tab(0)
    const profile = { name: 'a', capacity: 1, slots: 1, isHidden: false }
    const options = {
      transport: sim.tab(1).transport(room.roomId),
      identity: sim.tab(0).identity,
      crypto,
      clock,
      random,
      deviceId,
      room,
      profile,
    }
    await expect(createRoom(options)).rejects.toMatchObject({ code: 'identity' })
  })
})

describe('calls', () => {
  async function pair(
    seed: number,
  ): Promise<{ sim: Simulation; alice: Room; bob: Room; a: PeerId; b: PeerId }> {
    const sim = createSimulation(seed)
    const [alice, bob] = (await joinAll(sim, 2)) as [Room, Room]
    return { sim, alice, bob, a: alice.self.peerId, b: bob.self.peerId }
  }

  test('RPC1: notifications arrive in order, with the sender that the link has proven, also to oneself', async () => {
    const { sim, alice, bob, a, b } = await pair(40)
    const heard: unknown[] = []
    for (const room of [alice, bob]) room.onNotify('news', (body, from) => void heard.push([from, body]))
    for (let n = 0; n < 100; n++) void alice.notify(b, 'news', n)
    await sim.runUntil(() => heard.length === 100, 1000, 'all news')
    expect(heard).toEqual(Array.from({ length: 100 }, (_, n) => [a, n]))
    await alice.notify(a, 'news', new Map([[1, new Uint8Array([1, 2])]]))
    await sim.run(1)
    expect(heard[100]).toEqual([a, new Map([[1, new Uint8Array([1, 2])]])])
  })

  test('RPC2: a request gets the answer, or the error by code and message', async () => {
    const { sim, alice, bob, b, a } = await pair(41)
    bob.serve('sum', (body) => (body as number[]).reduce((x, y) => x + y))
    bob.serve('fail', () => Promise.reject(new Error('no luck'.repeat(1000))))
    expect(await sim.settle(alice.request(b, 'sum', [1, 2, 3], { timeoutMs: 1000 }))).toBe(6)
    const failed = await sim.settle(
      alice.request(b, 'fail', null, { timeoutMs: 1000 }).catch((error: Error) => error),
    )
    expect(failed).toMatchObject({ name: 'RemoteError', code: 'failed' })
    expect((failed as Error).message.length).toBe(1000)
    await expect(sim.settle(alice.request(b, 'none', 1, { timeoutMs: 1000 }))).rejects.toMatchObject({
      code: 'no-such-method',
    })
    await expect(sim.settle(alice.request(a, 'none', 1, { timeoutMs: 1000 }))).rejects.toMatchObject({
      code: 'no-such-method',
    })
    bob.serve('odd', () => (() => {}) as unknown as null)
    await expect(sim.settle(alice.request(b, 'odd', 1, { timeoutMs: 1000 }))).rejects.toMatchObject({
      code: 'not-encodable',
    })
  })

  test('RPC3: a request that takes too long or is aborted ends, and the handler hears of it', async () => {
    const { sim, alice, bob, b } = await pair(42)
    const reasons: unknown[] = []
    bob.serve(
      'slow',
      (_, { signal }) =>
        new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason))),
    )
    await expect(sim.settle(alice.request(b, 'slow', 1, { timeoutMs: 500 }))).rejects.toMatchObject({
      code: 'timeout',
    })
    const controller = new AbortController()
    const aborted = alice.request(b, 'slow', 1, { timeoutMs: 5000, signal: controller.signal })
    await sim.run(100)
    controller.abort(new Error('enough'))
    await expect(sim.settle(aborted)).rejects.toThrow('enough')
    await sim.run(100)
    expect(reasons.length).toBe(2)
  })

  test('RPC3: who gives up while the body is still on its way hears so at once, and alone', async () => {
    const { sim, alice, bob, b } = await pair(46)
    bob.serve('take', () => new Promise(() => {}))
    const controller = new AbortController()
    const body = new Uint8Array(4 * 1024 * 1024)
    const requests = [1, 2, 3].map(() =>
      alice.request(b, 'take', body, { timeoutMs: 60_000, lane: 'bulk', signal: controller.signal }),
    )
    await sim.run(1)
    controller.abort(new Error('enough'))
    const ends = await sim.settle(Promise.allSettled(requests), 10)
    for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: { message: 'enough' } })
    await sim.run(5_000)
  })

  test('RPC4: a request ends with the link or the member', async () => {
    const { sim, alice, bob, b } = await pair(43)
    bob.serve('slow', () => new Promise(() => {}))
    const waiting = alice.request(b, 'slow', 1, { timeoutMs: 60_000 })
    await sim.run(100)
    void bob.leave()
    await expect(sim.settle(waiting, 2000)).rejects.toMatchObject({ code: 'closed' })
    await expect(sim.settle(alice.request(b, 'slow', 1, { timeoutMs: 1000 }))).rejects.toMatchObject({
      code: 'not-a-member',
    })
    await expect(sim.settle(alice.notify(b, 'news', 1))).rejects.toMatchObject({ code: 'not-a-member' })
  })

  test('RPC4: a caller that comes back is answered although what it asked before still runs', async () => {
    const { sim, alice, bob, a } = await pair(47)
    let calls = 0
    alice.serve('work', () => (++calls === 1 ? new Promise<null>(() => {}) : calls))
    const first = bob.request(a, 'work', null, { timeoutMs: 60_000 })
    first.catch(() => {
      // It ends with its tab.
    })
    await sim.runUntil(() => calls === 1, 100, 'the first call')
    const tab = sim.tab(1)
    tab.kill()
    tab.restart()
    const back = await sim.settle(joinRoom(tab))
    await sim.runUntil(() => isLinkedWith(back, 1), 2000, 'back')
    expect(await sim.settle(back.request(a, 'work', null, { timeoutMs: 1000 }))).toBe(2)
  })

  test('RPC5: 64 requests for one method run at once, the others wait their turn, and none is refused', async () => {
    const { sim, alice, bob, b } = await pair(44)
    let running = 0
    let most = 0
    const order: unknown[] = []
    bob.serve('work', async (body) => {
      most = Math.max(most, ++running)
      order.push(body)
      await new Promise<void>((resolve) => sim.clock.after(1_000, resolve))
      running--
      return null
    })
    bob.serve('other', () => 'at once')
    const numbers = Array.from({ length: 400 }, (_, at) => at)
    // Six turns of a second each, and each has its own time.
    const all = Promise.all(numbers.map((n) => alice.request(b, 'work', n, { timeoutMs: 2_000 })))
    expect(await sim.settle(alice.request(b, 'other', null, { timeoutMs: 100 }))).toBe('at once')
    await sim.settle(all)
    expect(most).toBe(64)
    expect(order).toEqual(numbers)
  })

  test('RPC5: one whose turn does not come is given up after a minute, and takes nobody’s turn later', async () => {
    const { sim, alice, bob, b } = await pair(46)
    const ends: (() => void)[] = []
    bob.serve('slow', () => new Promise<null>((resolve) => ends.push(() => resolve(null))))
    const all = Array.from({ length: 64 }, () => alice.request(b, 'slow', null, { timeoutMs: 300_000 }))
    const late = alice.request(b, 'slow', null, { timeoutMs: 1_000 })
    await expect(sim.settle(late, 120_000)).rejects.toThrow('the turn of slow took longer than 60000 ms')
    for (const end of ends.splice(0)) end()
    await sim.settle(Promise.all(all))
    const next = alice.request(b, 'slow', null, { timeoutMs: 1_000 })
    await sim.runUntil(() => ends.length === 1, 500, 'it runs')
    ends[0]?.()
    expect(await sim.settle(next)).toBe(null)
  })

  test('RPC5: one that waits for its turn can be given up, and too many are busy', async () => {
    const { sim, alice, bob, b } = await pair(45)
    const untilGivenUp = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    bob.serve('never', (_, { signal }) => untilGivenUp(signal))
    const controller = new AbortController()
    const { signal } = controller
    const numbers = Array.from({ length: 64 + 4_096 }, (_, at) => at)
    const ends = numbers.map((n) =>
      alice
        .request(b, 'never', n, { timeoutMs: 60_000, signal })
        .catch((error: { message: string }) => error.message),
    )
    await expect(alice.request(b, 'never', null, { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'busy',
    })
    controller.abort(new Error('enough'))
    expect(new Set(await sim.settle(Promise.all(ends)))).toEqual(new Set(['enough']))
    await expect(sim.settle(alice.request(b, 'never', null, { timeoutMs: 1_000 }))).rejects.toMatchObject({
      code: 'timeout',
    })
  })

  test('RPC6: a slow handler of notifications slows the sender, not the memory', async () => {
    const { sim, alice, bob, b } = await pair(45)
    const release: (() => void)[] = []
    bob.onNotify('bulk', () => new Promise<void>((resolve) => release.push(resolve)))
    let sent = 0
    const body = new Uint8Array(256 * 1024)
    for (let n = 0; n < 40; n++) void alice.notify(b, 'bulk', body, { lane: 'bulk' }).then(() => sent++)
    await sim.run(5000)
    expect(sent).toBeLessThan(20)
    const drain = sim.runUntil(
      () => {
        for (const resolve of release.splice(0)) resolve()
        return sent === 40
      },
      10_000,
      'all sent',
    )
    await drain
  })

  test('RPC7: leaving ends what waits', async () => {
    const { sim, alice, bob, b } = await pair(46)
    bob.serve('slow', () => new Promise(() => {}))
    const waiting = alice.request(b, 'slow', 1, { timeoutMs: 60_000 })
    await sim.run(10)
    void alice.leave()
    await expect(sim.settle(waiting, 2000)).rejects.toMatchObject({ code: 'closed' })
  })
})
