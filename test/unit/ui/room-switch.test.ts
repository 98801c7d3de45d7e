import { describe, expect, test, vi } from 'vitest'
import type { JoinOptions } from '../../../web/browser.ts'
import type { CloseReason, MeshNode } from '../../../web/node.ts'
import { createRoomSwitch, type Wish } from '../../../web/ui/room-switch.ts'
import { createSimulation, type Simulation } from '../../support/sim/index.ts'

const ROOMS = ['a', 'b', 'c']

interface FakeNode extends Pick<MeshNode, 'roomId' | 'drain' | 'close' | 'closed'> {
  /** Not closed yet. */
  readonly isIn: boolean
  /** As from outside: the room is full, another tab forgot it. */
  end(reason: CloseReason): void
}

/** Rooms that open, drain and close as late as chance has it; some never answer, some do not hear that they are not wanted. */
class FakeRooms {
  readonly nodes: FakeNode[] = []
  /** How many of all rooms do not open. */
  refusals = 0
  readonly #sim: Simulation

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  get open(): readonly FakeNode[] {
    return this.nodes.filter(({ isIn }) => isIn)
  }

  pause(ms: number): Promise<void> {
    return new Promise((done) => void this.#sim.clock.after(ms, done))
  }

  chance(part: number): boolean {
    return this.#sim.random.float() < part
  }

  upTo(ms: number): number {
    return Math.floor(this.#sim.random.float() * ms)
  }

  async joinRoom({ room, signal }: JoinOptions): Promise<MeshNode> {
    const hears = this.chance(0.6)
    await this.pause(this.upTo(1_500))
    if (hears) signal?.throwIfAborted()
    if (this.chance(this.refusals)) throw Object.assign(new Error('refused'), { code: 'storage-refused' })
    const node = this.#node(typeof room === 'object' && 'id' in room ? room.id : 'new')
    this.nodes.push(node)
    return node as unknown as MeshNode
  }

  #node(roomId: string): FakeNode {
    let tellClosed: (reason: CloseReason) => void = () => {}
    const closed = new Promise<CloseReason>((resolve) => {
      tellClosed = resolve
    })
    let isIn = true
    const end = (reason: CloseReason) => {
      isIn = false
      tellClosed(reason)
    }
    return {
      roomId: roomId as MeshNode['roomId'],
      closed,
      get isIn() {
        return isIn
      },
      end,
      drain: async () => {
        await this.pause(this.upTo(4_000))
        if (this.chance(0.1)) throw new Error('what is under way fails')
        end('drained')
      },
      close: async () => {
        await this.pause(this.upTo(this.chance(0.1) ? 9_000 : 300))
        end('closed')
      },
    }
  }
}

function setting(seed: number) {
  const sim = createSimulation(seed)
  const rooms = new FakeRooms(sim)
  let shown: MeshNode | undefined
  const machine = createRoomSwitch({
    joinRoom: (options) => rooms.joinRoom(options),
    onNode: (node) => {
      shown = node
    },
    pause: (ms) => rooms.pause(ms),
  })
  return { sim, rooms, machine, shown: () => shown }
}

describe('UI16: one tab is in one room', () => {
  test.each(Array.from({ length: 60 }, (_, at) => at + 1))(
    'UI16: whatever is wished when, the last wish wins and nobody is left behind (seed %d)',
    async (seed) => {
      const { sim, rooms, machine, shown } = setting(seed)
      rooms.refusals = 0.1
      let last: Wish = 'home'
      for (let step = 0; step < 12; step++) {
        last = rooms.chance(0.25) ? 'home' : { id: ROOMS[rooms.upTo(3)] as string }
        machine.wish(last)
        if (rooms.chance(0.15)) rooms.open[0]?.end('room-full')
        await sim.run(rooms.upTo(rooms.chance(0.5) ? 200 : 5_000))
        const place = machine.place.get()
        expect(shown()).toBe(place.kind === 'room' ? place.node : undefined)
      }
      machine.wish(last)
      await sim.run(20_000)
      const place = machine.place.get()
      if (last === 'home') {
        expect(place.kind).toBe('home')
        expect(rooms.open).toEqual([])
      } else if (place.kind === 'room') {
        expect(place.node.roomId).toBe((last as { id: string }).id)
        expect(rooms.open).toEqual([place.node])
      } else {
        expect(place).toMatchObject({ kind: 'failed', code: 'storage-refused' })
        expect(rooms.open).toEqual([])
      }
      expect(shown()).toBe(place.kind === 'room' ? place.node : undefined)
    },
  )

  test('UI16: the room that is open is not left for itself, and is left once for two wishes', async () => {
    const { sim, rooms, machine } = setting(3)
    const isOpen = () => machine.place.get().kind === 'room'
    machine.wish({ id: 'a' })
    await sim.runUntil(isOpen, 10_000)
    machine.wish({ id: 'a' })
    await sim.run(5_000)
    expect(rooms.open.map(({ roomId }) => roomId)).toEqual(['a'])
    machine.wish({ id: 'b' })
    expect(machine.place.get().kind).toBe('leaving')
    machine.wish({ id: 'c' })
    await sim.runUntil(isOpen, 10_000)
    expect(rooms.nodes.map(({ roomId }) => roomId)).toEqual(['a', 'c'])
  })

  test('UI16: the invite of the room that is open is no reason to leave it, at whichever address (hopp 366, fluux-messenger 10)', async () => {
    const closed = vi.fn(async () => {})
    const node = {
      roomId: 'a',
      invite: 'https://mesh.example/#code',
      closed: new Promise(() => {}),
      close: closed,
      drain: closed,
    }
    const joinRoom = vi.fn(async () => node as unknown as MeshNode)
    const machine = createRoomSwitch({ joinRoom, onNode: () => {}, pause: async () => {} })
    machine.wish('new')
    await vi.waitFor(() => expect(machine.place.get().kind).toBe('room'))
    machine.wish({ invite: 'http://localhost:9000/#code' })
    expect(machine.place.get()).toEqual({ kind: 'room', node })
    machine.wish({ invite: 'https://mesh.example/#other' })
    await vi.waitFor(() => expect(joinRoom).toHaveBeenCalledTimes(2))
    expect(closed).toHaveBeenCalled()
  })

  test('UI16: a room that was joined and cannot be shown is left, and the next wish counts', async () => {
    let closed = 0
    let isBroken = true
    const node = { roomId: 'a', closed: new Promise(() => {}), close: async () => void closed++ }
    const machine = createRoomSwitch({
      joinRoom: async () => node as unknown as MeshNode,
      onNode: () => {
        if (isBroken) throw new Error('no such address')
      },
      pause: () => new Promise(() => {}),
    })
    machine.wish({ id: 'a' })
    await vi.waitFor(() => expect(machine.place.get().kind).toBe('failed'))
    await vi.waitFor(() => expect(closed).toBe(1))
    isBroken = false
    machine.wish({ id: 'a' })
    await vi.waitFor(() => expect(machine.place.get().kind).toBe('room'))
  })

  test('UI16: a room that cannot be shown is told to nobody, and left before the next is joined', async () => {
    const told: string[] = []
    const node = (roomId: string) => ({
      roomId,
      closed: new Promise(() => {}),
      close: async () => {
        await Promise.resolve()
        told.push(`left ${roomId}`)
      },
    })
    const machine = createRoomSwitch({
      joinRoom: async ({ room }) => {
        const { id } = room as { id: string }
        told.push(`join ${id}`)
        return node(id) as unknown as MeshNode
      },
      onNode: (shown) => void told.push(`node ${shown?.roomId ?? 'none'}`),
      pause: () => new Promise(() => {}),
    })
    machine.place.subscribe(() => {
      const place = machine.place.get()
      if (place.kind !== 'room' || place.node.roomId !== 'a') return
      machine.wish({ id: 'b' })
      throw new Error('a view that fails')
    })
    machine.wish({ id: 'a' })
    await vi.waitFor(() => expect(told).toContain('node b'))
    expect(told).toEqual(['join a', 'node a', 'node none', 'left a', 'join b', 'node b'])
    expect(machine.place.get()).toMatchObject({ kind: 'room', node: { roomId: 'b' } })
  })

  test('UI16: a room that is being joined hears at once that it is not wanted any more', async () => {
    const signals: (AbortSignal | undefined)[] = []
    const machine = createRoomSwitch({
      joinRoom: ({ signal }) => {
        signals.push(signal)
        return new Promise(() => {})
      },
      onNode: () => {},
      pause: async () => {},
    })
    machine.wish({ id: 'a' })
    await Promise.resolve()
    machine.wish('home')
    expect(signals.map((signal) => signal?.aborted)).toEqual([true])
    await vi.waitFor(() => expect(machine.place.get()).toEqual({ kind: 'home' }))
  })

  test('UI16: a room that ends by itself is told with its reason, and opened again at the same wish', async () => {
    const { sim, rooms, machine } = setting(3)
    machine.wish({ id: 'a' })
    await sim.runUntil(() => rooms.open.length === 1, 10_000)
    rooms.open[0]?.end('storage')
    await sim.run(1)
    expect(machine.place.get()).toEqual({ kind: 'ended', reason: 'storage' })
    machine.wish({ id: 'a' })
    await sim.runUntil(() => machine.place.get().kind === 'room', 10_000)
  })
})
