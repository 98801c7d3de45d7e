import { describe, expect, test } from 'vitest'
import type { Room } from '../../../web/mesh/index.ts'
import type { StoreKey } from '../../../web/storage/index.ts'
import type { Value } from '../../../web/wire/index.ts'
import { QueueRoom } from '../../support/queue-room.ts'
import type { MessagingTab } from '../../support/sim/messaging-tab.ts'
import { withRequest } from '../../support/sim/taps.ts'

const SECOND = 1_000

type Row = readonly Value[]
interface Delivery {
  readonly attempts: readonly Row[]
}
type OnRequest = (method: string, send: () => Promise<unknown>) => Promise<unknown>

/** A room of two whose second tab keeps the copy of a queue that the first owns; `intercept` comes between all requests. */
async function open(): Promise<{
  room: QueueRoom
  owner: number
  other: number
  deliveries: Delivery[]
  intercept(on: OnRequest): void
}> {
  const deliveries: Delivery[] = []
  let onRequest: OnRequest = (_method, send) => send()
  const tapped = (room: Room): Room =>
    withRequest(room, (to, method, body, send) => {
      if (method === 'queue.deliver') deliveries.push(body as unknown as Delivery)
      return onRequest(method, () => send(to, method, body))
    })
  const room = await QueueRoom.open(2, 1, {}, { room: tapped })
  await room.settle(room.queue(0).send('first'))
  const owner = await room.owner()
  await room.settle(room.queue(owner).purge())
  await room.sim.run(SECOND)
  const intercept = (on: OnRequest) => {
    onRequest = on
  }
  return { room, owner, other: 1 - owner, deliveries, intercept }
}

/** Of each attempt that was sent: whether the message itself was in it. */
function sent(deliveries: readonly Delivery[]): readonly ('whole' | 'by number')[] {
  return deliveries.flatMap(({ attempts }) =>
    attempts.map((row) => (row.length === 3 ? 'whole' : 'by number')),
  )
}

/** A promise, and what resolves it. */
function gate(): readonly [Promise<void>, () => void] {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return [opened, open]
}

const letters = ['a', 'b', 'c', 'd', 'e']

describe('a consumer whose tab keeps the copy', () => {
  test('QUE61 gets its messages by number, with all that they have, in their order', async () => {
    const { room, owner, other, deliveries } = await open()
    const loop = room.loop(other)
    await room.sim.run(SECOND)
    const options = { priority: 7, headers: { kind: 'big' }, group: 'g', correlationId: 'c' }
    for (const letter of letters) await room.settle(room.queue(owner).send({ letter }, options))
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(letters.map((letter) => ({ letter })))
    expect(loop.got[4]).toMatchObject({ ...options, deliveryCount: 1, from: room.tabs[owner]?.tab.peerId })
    expect(sent(deliveries)).toEqual(letters.map(() => 'by number'))
  })

  test('QUE61 one elsewhere gets them whole', async () => {
    const { room, owner, deliveries } = await open()
    const third = await room.joins()
    const loop = room.loop(third)
    await room.sim.run(SECOND)
    await room.settle(room.queue(owner).send('a'))
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['a'])
    expect(sent(deliveries)).toEqual(['whole'])
  })

  test('QUE61 a copy that is late is waited for', async () => {
    const { room, owner, other, deliveries, intercept } = await open()
    const loop = room.loop(other)
    await room.sim.run(SECOND)
    const [late, release] = gate()
    intercept(async (method, send) => {
      if (method === 'queue.copy') await late
      return send()
    })
    void room.queue(owner).send('a', { level: 'stored' })
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual([])
    release()
    await room.sim.run(100)
    expect(loop.bodies).toEqual(['a'])
    expect(sent(deliveries)).toEqual(['by number'])
  })

  test('QUE61 a copy that does not come is no loss: the message comes whole', async () => {
    const { room, owner, other, deliveries, intercept } = await open()
    const loop = room.loop(other)
    await room.sim.run(SECOND)
    intercept((method, send) => (method === 'queue.copy' ? new Promise(() => {}) : send()))
    void room.queue(owner).send('a', { level: 'stored' })
    await room.sim.run(4 * SECOND)
    expect(loop.bodies).toEqual(['a'])
    expect(sent(deliveries)).toEqual(['by number', 'whole'])
  })

  test('QUE61 a record that its disk has damaged comes whole', async () => {
    const { room, owner, other, deliveries } = await open()
    await room.settle(room.queue(owner).send('a'))
    await room.sim.run(SECOND)
    const { disk } = room.tabs[other] as MessagingTab
    const key = (await (await disk.open(['queue.pages'])).keys('queue.pages'))[0] as StoreKey
    expect(disk.damage('queue.pages', key, { bytes: new Uint8Array([1, 2, 3]), sum: 7 })).toBe(true)
    const loop = room.loop(other)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['a'])
    expect(sent(deliveries)).toEqual(['by number', 'whole'])
  })

  test('QUE61 what is purged on its way costs its consumer neither time nor room', async () => {
    const { room, owner, other, intercept } = await open()
    const loop = room.loop(other, { prefetch: 4 * 200 })
    await room.sim.run(SECOND)
    for (let round = 0; round < 10; round++) {
      const [late, release] = gate()
      intercept(async (method, send) => {
        if (method === 'queue.deliver') await late
        return send()
      })
      await room.settle(Promise.all(letters.map((letter) => room.queue(owner).send(letter))))
      await room.settle(room.queue(owner).purge())
      intercept((_method, send) => send())
      release()
    }
    await room.settle(Promise.all(letters.map((letter) => room.queue(owner).send(letter))))
    await room.sim.run(100)
    expect(loop.bodies.slice(-5)).toEqual(letters)
    expect(loop.errors).toEqual([])
  })

  test('QUE61 an owner that dies with the copy on its way: the next one gives out what is left', async () => {
    const { room, owner, other } = await open()
    await room.settle(Promise.all(letters.map((letter) => room.queue(owner).send(letter))))
    const loop = room.loop(other)
    await room.sim.run(10)
    room.kill(owner)
    await room.sim.run(20 * SECOND)
    expect(loop.bodies).toEqual(letters)
  })

  test('QUE61 what a loop does to a body changes no copy: it comes again as it was', async () => {
    const { room, owner, other } = await open()
    const bytes: number[] = []
    for (const index of [other, owner]) {
      await room.settle(room.queue(owner).send(new Uint8Array([1, 2, 3])))
      const loop = room.loop(index, {}, async (delivery) => {
        const body = delivery.body as Uint8Array
        bytes.push(body[0] as number)
        body.fill(9)
        if (!delivery.redelivered) await delivery.nack({ delayMs: 0 })
      })
      await room.sim.run(SECOND)
      loop.stop()
      await room.sim.run(SECOND)
    }
    expect(bytes).toEqual([1, 1, 1, 1])
  })
})
