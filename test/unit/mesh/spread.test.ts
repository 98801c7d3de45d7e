import { describe, expect, test } from 'vitest'
import type { Connection, Room, Transport } from '../../../web/mesh/index.ts'
import { SeenNumbers } from '../../../web/mesh/links/seen-numbers.ts'
import { createSimulation, joinRoom, type SimTab, type Simulation } from '../../support/sim/index.ts'

const SECOND = 1_000
const CHUNK_BYTES = 256 * 1024
const FAR = { latencyMs: 20, jitterMs: 0, bytesPerMs: 1_000 }
const NEAR = { latencyMs: 1, jitterMs: 0, bytesPerMs: 1_000 }

interface Opened {
  readonly connection: Connection
  readonly at: number
}

/** Two linked tabs, and every connection that the first has, as it sees them. */
class Pair {
  readonly sim: Simulation
  readonly rooms: Room[] = []
  readonly opened: Opened[] = []
  readonly got: number[] = []

  constructor(sim: Simulation) {
    this.sim = sim
  }

  static async open(path: typeof FAR): Promise<Pair> {
    const pair = new Pair(createSimulation(3, { path }))
    pair.#watch(pair.sim.tab(0))
    for (const index of [0, 1]) pair.rooms.push(await pair.sim.settle(joinRoom(pair.sim.tab(index))))
    await pair.sim.runUntil(() => pair.rooms.every((room) => room.members().length === 2), 10 * SECOND)
    // Their first round trips.
    await pair.sim.run(5 * SECOND)
    pair.rooms[1]?.serve('take', (body) => {
      const { number, bytes } = body as { number: number; bytes: Uint8Array }
      pair.got.push(number)
      return bytes.byteLength
    })
    return pair
  }

  /** Further connections that are up now. */
  get further(): readonly Opened[] {
    return this.opened.filter(({ connection }) => connection.index > 0 && !this.closed.has(connection))
  }

  readonly closed = new Set<Connection>()

  /** Resolves when the other has answered all; eight are on their way at a time. */
  async sendAll(count: number): Promise<void> {
    const [room] = this.rooms as [Room]
    const to = (this.rooms[1] as Room).self.peerId
    let next = 0
    const workers = Array.from({ length: 8 }, async () => {
      for (let number = next++; number < count; number = next++) {
        const body = { number, bytes: new Uint8Array(CHUNK_BYTES).fill(number) }
        await room.request(to, 'take', body, { lane: 'bulk', timeoutMs: 120 * SECOND })
      }
    })
    await Promise.all(workers)
  }

  #watch(tab: SimTab): void {
    const make = tab.transport.bind(tab)
    const note = (connection: Connection): Connection => {
      this.opened.push({ connection, at: this.sim.clock.now() })
      const attach = connection.attach.bind(connection)
      connection.attach = (handlers) =>
        attach({
          ...handlers,
          onMessage: (lane, message) => handlers.onMessage(lane, message),
          onDrain: (lane) => handlers.onDrain(lane),
          onClose: (reason) => {
            this.closed.add(connection)
            handlers.onClose(reason)
          },
        })
      const close = connection.close.bind(connection)
      connection.close = (reason) => {
        this.closed.add(connection)
        close(reason)
      }
      return connection
    }
    tab.transport = (roomId) => {
      const transport = make(roomId)
      const dial = transport.dial.bind(transport)
      const start = transport.start.bind(transport)
      transport.dial = async (...args: Parameters<Transport['dial']>) => note(await dial(...args))
      transport.start = (events) =>
        start({ ...events, onConnection: (connection) => events.onConnection(note(connection)) })
      return transport
    }
  }
}

describe('LNK20 a link grows to as many connections as its way calls for', () => {
  test('far apart, it grows while much waits, to eight at most, and folds back to one', async () => {
    const pair = await Pair.open(FAR)
    await pair.sim.settle(pair.sendAll(120), 240 * SECOND)
    expect(new Set(pair.got).size).toBe(120)
    const most = pair.opened.filter(({ connection }) => connection.index > 0).length
    expect(most).toBeGreaterThanOrEqual(3)
    expect(most).toBeLessThanOrEqual(7)
    await pair.sim.run(20 * SECOND)
    expect(pair.further).toEqual([])
    expect(pair.rooms[0]?.peers()[0]?.state).toBe('direct')
  })

  test('it carries more than one would', async () => {
    const times: number[] = []
    for (const path of [FAR, NEAR]) {
      const pair = await Pair.open(path)
      const startedMs = pair.sim.clock.now()
      await pair.sim.settle(pair.sendAll(200), 240 * SECOND)
      times.push(pair.sim.clock.now() - startedMs)
    }
    const [spread, alone] = times as [number, number]
    expect(spread).toBeLessThan(alone / 2)
  })

  test('close by, it stays at one', async () => {
    const pair = await Pair.open(NEAR)
    await pair.sim.settle(pair.sendAll(120), 240 * SECOND)
    expect(pair.opened.filter(({ connection }) => connection.index > 0)).toEqual([])
  })

  test('on a bad short way too, where the rate is poor', async () => {
    const pair = await Pair.open({ ...NEAR, latencyMs: 4 })
    await pair.sim.settle(pair.sendAll(120), 240 * SECOND)
    expect(pair.opened.some(({ connection }) => connection.index > 0)).toBe(true)
  })

  test('small and few frames open none', async () => {
    const pair = await Pair.open(FAR)
    const [room] = pair.rooms as [Room]
    for (let n = 0; n < 200; n++)
      void room.notify((pair.rooms[1] as Room).self.peerId, 'x', new Uint8Array(8_000), { lane: 'bulk' })
    await pair.sim.run(10 * SECOND)
    expect(pair.opened.filter(({ connection }) => connection.index > 0)).toEqual([])
  })
})

describe('LNK21 what a further connection takes down with it comes over another, once', () => {
  test('one after the other breaks in the middle of a transfer', async () => {
    const pair = await Pair.open(FAR)
    const sent = pair.sendAll(200)
    for (let round = 0; round < 12; round++) {
      await pair.sim.run(400)
      pair.further[round % Math.max(1, pair.further.length)]?.connection.close('pulled out')
    }
    await pair.sim.settle(sent, 240 * SECOND)
    expect([...pair.got].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, number) => number))
    expect(pair.rooms[0]?.members()).toHaveLength(2)
  })

  test('the first one ends, and the others with it; the link comes back', async () => {
    const pair = await Pair.open(FAR)
    const sent = pair.sendAll(200).catch(() => undefined)
    await pair.sim.runUntil(() => pair.further.length > 1, 20 * SECOND)
    pair.opened.find(({ connection }) => connection.index === 0)?.connection.close('pulled out')
    await pair.sim.settle(sent, 240 * SECOND)
    await pair.sim.run(10 * SECOND)
    expect(pair.further).toEqual([])
    await pair.sim.runUntil(() => pair.rooms.every((room) => room.members().length === 2), 20 * SECOND)
  })

  test('numbers that have come are known, in bounded memory', () => {
    const seen = new SeenNumbers()
    expect([1, 2, 2, 4, 3, 4, 1].map((number) => seen.add(number))).toEqual([
      true,
      true,
      false,
      true,
      true,
      false,
      false,
    ])
    for (let number = 100; number < 10_000; number += 2) expect(seen.add(number)).toBe(true)
    expect(seen.add(9_998)).toBe(false)
    expect(seen.add(100)).toBe(false)
  })
})

describe('LNK23 the bytes that are counted for a peer never fall', () => {
  test('further connections fold, the first one breaks, and a new link goes on counting', async () => {
    const pair = await Pair.open(FAR)
    const [room] = pair.rooms as [Room]
    let most = 0
    let fell = 0
    const countedAll = () => {
      const { bytesOut } = room.peers()[0] ?? { bytesOut: 0 }
      if (bytesOut < most) fell++
      most = Math.max(most, bytesOut)
    }
    const watching = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 250) {
        await pair.sim.run(250)
        room.updateProfile({ name: `at ${pair.sim.clock.now()}` })
        countedAll()
      }
    }
    await pair.sim.settle(pair.sendAll(120), 240 * SECOND)
    countedAll()
    expect(most).toBeGreaterThan(120 * CHUNK_BYTES)
    // Long enough that they fold.
    await watching(20 * SECOND)
    expect(pair.further).toEqual([])
    pair.opened.find(({ connection }) => connection.index === 0)?.connection.close('pulled out')
    await watching(10 * SECOND)
    expect(room.members()).toHaveLength(2)
    expect(fell).toBe(0)
  })
})

describe('LNK22 a further connection is only let in where it belongs', () => {
  test('not with a wrong number, not twice, not from somebody without a link', async () => {
    const pair = await Pair.open(FAR)
    const transports = [2, 3].map((index) => {
      const tab = pair.sim.tab(index)
      return { tab, transport: tab.transport((pair.rooms[0] as Room).roomId) }
    })
    const closed: string[] = []
    for (const { transport } of transports) {
      await pair.sim.settle(transport.start({ onConnection: () => {}, onSignaling: () => {} }))
      for (const index of [1, 2, 7, 14, 15, 99]) {
        const to = (pair.rooms[1] as Room).self.peerId
        const connection = await pair.sim.settle(transport.dial(to, new AbortController().signal, index))
        connection.attach({
          onMessage: () => {},
          onDrain: () => {},
          onClose: (reason) => closed.push(reason),
        })
      }
    }
    await pair.sim.run(15 * SECOND)
    expect(closed).toHaveLength(12)
    expect(pair.rooms[1]?.members()).toHaveLength(2)
  })
})
