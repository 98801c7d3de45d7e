import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../../web/base/index.ts'
import type { Room } from '../../../web/mesh/index.ts'
import { MessagingError } from '../../../web/messaging/index.ts'
import type { Store } from '../../../web/storage/index.ts'
import type { Value } from '../../../web/wire/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'
import type { MessagingTab } from '../../support/sim/messaging-tab.ts'
import { withRequest } from '../../support/sim/taps.ts'

const SECOND = 1_000
/** Until messages that came one at a time are copied. */
const PATIENCE_MS = 100

interface CopyBody {
  readonly items: readonly Value[]
  readonly own: readonly Value[]
}

type OnCopy = (body: CopyBody) => Promise<void>

/** A room of two with one message in it; `onCopy` comes between an owner and each copy that it sends from then on. */
async function open(): Promise<{
  room: QueueRoom
  owner: number
  sender: number
  intercept(on: OnCopy): void
  /** Messages that wait on the sender's disk for the owner. */
  records(): Promise<number>
}> {
  const stores = new Map<number, Store>()
  let onCopy: OnCopy = () => Promise.resolve()
  const tapped = (room: Room): Room =>
    withRequest(room, async (to, method, body, send) => {
      if (method === 'queue.copy') await onCopy(body as unknown as CopyBody)
      return send(to, method, body)
    })
  const room = await QueueRoom.open(
    2,
    1,
    {},
    {
      room: tapped,
      store: (store, { index }) => {
        stores.set(index, store)
        return store
      },
    },
  )
  await room.settle(room.queue(0).send('first'))
  const owner = await room.owner()
  await room.sim.run(SECOND)
  return {
    ...{ room, owner, sender: 1 - owner },
    intercept: (on) => {
      onCopy = on
    },
    records: async () => (await stores.get(1 - owner)?.entries('queue.sending'))?.length ?? 0,
  }
}

describe('a sender that keeps the copy', () => {
  test('QUE49 gets its place and times, not what it sent; its copy has all of it', async () => {
    const { room, owner, sender, intercept } = await open()
    const copies: CopyBody[] = []
    intercept(async (body) => void copies.push(body))
    const options = { priority: 7, headers: { kind: 'big' }, group: 'g', ttlMs: 600 * SECOND }
    const result = await room.settle(room.queue(sender).send({ text: 'mine' }, options))
    expect(result).toMatchObject({ level: 'replicated', copies: 2 })
    await room.sim.run(SECOND)
    expect(copies.flatMap(({ items }) => items)).toEqual([])
    expect(copies.flatMap(({ own }) => own)).toHaveLength(1)
    room.kill(owner)
    const loop = room.loop(sender)
    await room.sim.run(20 * SECOND)
    expect(loop.bodies).toEqual([{ text: 'mine' }, 'first'])
    expect(loop.got[0]).toMatchObject({ priority: 7, headers: { kind: 'big' }, group: 'g' })
  })

  test('QUE49 one message at a time: the sender’s record counts, their copies are made together', async () => {
    const { room, owner, sender, intercept, records } = await open()
    const copies: CopyBody[] = []
    intercept(async (body) => void copies.push(body))
    const numbers = Array.from({ length: 10 }, (_, n) => n)
    const startMs = room.sim.clock.now()
    for (const n of numbers) {
      const result = await room.settle(room.queue(sender).send(n))
      expect(result).toMatchObject({ level: 'replicated', copies: 2 })
    }
    expect(room.sim.clock.now() - startMs).toBeLessThan(PATIENCE_MS)
    expect(copies).toEqual([])
    expect(await records()).toBe(10)
    await room.sim.run(SECOND)
    expect(copies.map(({ own }) => own.length)).toEqual([1])
    expect(await records()).toBe(0)
    room.kill(owner)
    const loop = room.loop(sender)
    await room.sim.run(20 * SECOND)
    expect(loop.bodies).toEqual(['first', ...numbers])
  })

  test.each(['the owner', 'both'])('QUE49 %s may die before the copy is made', async (who) => {
    const { room, owner, sender, intercept } = await open()
    intercept(() => new Promise(() => undefined))
    const sent = await room.settle(room.queue(sender).send('recorded'))
    expect(sent).toMatchObject({ level: 'replicated', copies: 2 })
    room.kill(owner)
    intercept(() => Promise.resolve())
    if (who === 'both') {
      room.kill(sender)
      await room.returns(sender)
    }
    const loop = room.loop(sender)
    await room.sim.run(30 * SECOND)
    expect(loop.bodies).toEqual(['first', 'recorded'])
  })

  test('QUE49 an owner that leaves before the copy is made holds up no later message', async () => {
    const { room, owner, sender, intercept } = await open()
    intercept(() => new Promise(() => undefined))
    await room.settle(room.queue(sender).send('recorded'))
    await room.settle((room.tabs[owner] as MessagingTab).room.leave())
    intercept(() => Promise.resolve())
    const startMs = room.sim.clock.now()
    await room.settle(room.queue(sender).send('later'))
    expect(room.sim.clock.now() - startMs).toBeLessThan(3 * SECOND)
    const loop = room.loop(sender)
    await room.sim.run(5 * SECOND)
    expect(loop.bodies).toEqual(['first', 'recorded', 'later'])
  })

  test('QUE49 an ack waits for no copy that is made later', async () => {
    const { room, owner, sender } = await open()
    const acked: Promise<void>[] = []
    const loop = room.loop(owner, { ack: 'individual' }, (delivery) => void acked.push(delivery.ack()))
    await room.sim.run(SECOND)
    await room.settle(room.queue(sender).send('acked'))
    const startMs = room.sim.clock.now()
    await room.sim.runUntil(() => acked.length === 2, SECOND, 'it is delivered')
    await room.settle(Promise.all(acked))
    expect(room.sim.clock.now() - startMs).toBeLessThan(PATIENCE_MS)
    expect(loop.bodies).toEqual(['first', 'acked'])
  })

  test('QUE49 several at once: each is told of `replicated` by its copy, or by a record where that does not come', async () => {
    const { room, sender, intercept } = await open()
    let letGo: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    intercept(() => held)
    const reached: string[] = []
    await room.settle(room.queue(sender).send('alone'))
    for (const body of ['held up', 'likewise'])
      void room
        .queue(sender)
        .send(body)
        .then(({ level }) => reached.push(level))
    await room.settle(room.queue(sender).send('too', { level: 'stored' }))
    expect(reached).toEqual(['replicated'])
    await room.sim.run(SECOND)
    expect(reached).toEqual(['replicated', 'replicated'])
    letGo()
    const loop = room.loop(sender)
    await room.sim.run(10 * SECOND)
    expect(loop.bodies).toEqual(['first', 'alone', 'held up', 'likewise', 'too'])
  })

  test('QUE49 a copy that does not come is asked for again, and the message comes out once', async () => {
    const { room, owner, sender, intercept, records } = await open()
    let lost = 0
    intercept(async ({ own }) => {
      if (own.length === 0 || lost > 0) return
      lost++
      await new Promise<void>((resolve) => room.tabs[owner]?.tab.clock.after(50, resolve))
      throw new MessagingError('closed', 'it got lost on its way')
    })
    const sent = await room.settle(room.queue(sender).send('again'), 60 * SECOND)
    expect(sent).toMatchObject({ level: 'replicated', copies: 2 })
    await room.sim.run(20 * SECOND)
    expect(lost).toBe(1)
    expect(await records()).toBe(0)
    const loop = room.loop(owner)
    await room.sim.run(5 * SECOND)
    expect(loop.bodies).toEqual(['first', 'again'])
  })

  test('QUE49 has a record of its own soon after, so that both tabs may die before the copy is made', async () => {
    const { room, owner, sender, intercept } = await open()
    intercept(() => new Promise(() => undefined))
    room
      .queue(sender)
      .send('unconfirmed')
      .catch(() => {
        // Its tab dies first.
      })
    await room.sim.run(SECOND)
    room.kill(owner)
    room.kill(sender)
    await room.sim.run(SECOND)
    intercept(() => Promise.resolve())
    await room.returns(sender)
    const loop = room.loop(sender)
    await room.sim.run(30 * SECOND)
    expect(loop.bodies).toEqual(['first', 'unconfirmed'])
  })

  test.each<[string, Value, string]>([
    ['what it never sent', [['a'.repeat(26), [[1, 5, 0, 0]]]], 'gone'],
    ['a place that is none', [['a'.repeat(26), [[1, -5, 0, 0]]]], 'malformed'],
    ['no list', { stream: 1 }, 'malformed'],
    ['a stream of no name', [['', [[1, 5, 0, 0]]]], 'malformed'],
    [
      'more than a page',
      [['a'.repeat(26), Array.from({ length: 600 }, (_, n) => [n + 1, 1, 0, 0])]],
      'malformed',
    ],
  ])('QUE31 %s as its own copy is refused, and the queue goes on', async (_what, own, code) => {
    const { room, owner, sender } = await open()
    const [from, to] = [owner, sender].map((index) => room.tabs[index]) as [never, never]
    const peer = (to as { tab: { peerId: PeerId } }).tab.peerId
    const self = (from as { tab: { peerId: PeerId } }).tab.peerId
    const copy = { queue: 'orders', epoch: [1, self], settings: null, explicit: null, dedup: [], tx: [] }
    const body = { ...copy, items: [], done: [], attempts: [], own }
    const asked = (from as { room: Room }).room.request(peer, 'queue.copy', body, { timeoutMs: 5_000 })
    expect(await failureOf(room.settle(asked))).toMatchObject({ code })
    const loop = room.loop(sender)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['first'])
  })
})
