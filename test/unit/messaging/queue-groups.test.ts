import { describe, expect, test } from 'vitest'
import type { SendOptions } from '../../../web/messaging/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

const SECOND = 1_000

async function send(room: QueueRoom, bodies: readonly unknown[], options: SendOptions): Promise<void> {
  for (const body of bodies) await room.settle(room.queue(0).send(body, options))
}

describe('QUE45 message groups move on', () => {
  test('one that was closed goes to whoever comes next', async () => {
    const room = await QueueRoom.open(3)
    const loops = [room.loop(1), room.loop(2)]
    await room.sim.run(SECOND)
    for (let run = 0; run < 4; run++) {
      await send(room, [`${run}a`, `${run}b`], { group: 'g' })
      await send(room, [`${run}z`], { group: 'g', headers: { JMSXGroupSeq: -1 } })
      await room.sim.run(SECOND)
    }
    const runs = loops.map(({ bodies }) => new Set(bodies.map((body) => String(body)[0])))
    expect([...(runs[0] ?? []), ...(runs[1] ?? [])].sort()).toEqual(['0', '1', '2', '3'])
    expect(runs.map(({ size }) => size)).toEqual([2, 2])
  })

  test('rebalanced, they are shared with a consumer that came later', async () => {
    const room = await QueueRoom.open(3)
    const groups = ['a', 'b', 'c', 'd']
    const first = room.loop(1)
    await room.sim.run(SECOND)
    for (const group of groups) await send(room, [`${group}1`], { group })
    const second = room.loop(2)
    await room.sim.run(SECOND)
    for (const group of groups) await send(room, [`${group}2`], { group })
    await room.sim.run(SECOND)
    expect(second.bodies).toEqual([])
    expect(await room.settle(room.queue(0).rebalance())).toBe(4)
    for (const group of groups) await send(room, [`${group}3`], { group })
    await room.sim.run(SECOND)
    expect(second.bodies).toHaveLength(2)
    expect([...first.bodies, ...second.bodies]).toHaveLength(12)
  })

  test('not while somebody has a message of it in hand: its order holds', async () => {
    const room = await QueueRoom.open(3)
    let finish = () => {}
    const first = room.loop(1, {}, ({ body }) =>
      body === 'a1'
        ? new Promise<void>((resolve) => {
            finish = resolve
          })
        : undefined,
    )
    await room.sim.run(SECOND)
    await send(room, ['a1'], { group: 'a' })
    const second = room.loop(2, { priority: 5 })
    await room.sim.run(SECOND)
    await room.settle(room.queue(0).rebalance())
    await send(room, ['a2'], { group: 'a' })
    await room.sim.run(5 * SECOND)
    expect([first.bodies, second.bodies]).toEqual([['a1'], []])
    finish()
    await room.sim.run(SECOND)
    expect([first.bodies, second.bodies]).toEqual([['a1'], ['a2']])
  })

  test('after a change of owners the one who has its messages in hand keeps it', async () => {
    const room = await QueueRoom.open(4)
    await room.settle(room.queue(0).stats())
    const owner = await room.owner()
    const others = [0, 1, 2, 3].filter((index) => index !== owner)
    const loops = others.map((index) =>
      room.loop(index, { ack: 'individual', prefetch: 10_000 }, ({ body }) =>
        body === 'g1' ? new Promise<void>(() => {}) : undefined,
      ),
    )
    await room.sim.run(SECOND)
    await room.settle(room.queue(others[0] as number).send('g1', { group: 'g' }))
    await room.sim.run(SECOND)
    const holder = loops.findIndex(({ bodies }) => bodies.includes('g1'))
    room.kill(owner)
    await room.sim.run(15 * SECOND)
    for (const body of ['g2', 'g3'])
      await room.settle(room.queue(others[0] as number).send(body, { group: 'g' }))
    await room.sim.run(5 * SECOND)
    expect(loops.filter((_, at) => at !== holder).flatMap(({ bodies }) => bodies)).toEqual([])
  })
})

describe('QUE46 a queue’s filter', () => {
  test('what it does not match is not added; its sender is told of no copies', async () => {
    const room = await QueueRoom.open(2)
    const queue = room.queue(0, 'orders', { filter: "region = 'eu' AND AMQPriority > 3" })
    const eu = { headers: { region: 'eu' } }
    expect(await room.settle(queue.send(1, eu))).toMatchObject({ copies: 2 })
    expect(await room.settle(queue.send(2, { headers: { region: 'us' } }))).toMatchObject({ copies: 0 })
    expect(await room.settle(queue.send(3, { ...eu, priority: 0 }))).toMatchObject({ copies: 0 })
    expect(await room.settle(queue.send(4))).toMatchObject({ copies: 0 })
    expect((await room.settle(queue.stats())).messages).toBe(1)
  })

  test('one with an error is refused where it is given', async () => {
    const room = await QueueRoom.open(1)
    expect(() => room.queue(0, 'orders', { filter: 'region = = 1' })).toThrow(/column 10/)
    const configured = room.tabs[0]?.messaging.destinations.configure('orders', { filter: 'a b' })
    expect(await failureOf(room.settle(configured as Promise<void>))).toMatchObject({ code: 'bad-selector' })
  })
})

describe('QUE47 copies', () => {
  test('a send waits for as many as it asks for', async () => {
    const room = await QueueRoom.open(4)
    const queue = room.queue(0, 'orders', { copies: 3 })
    expect(await room.settle(queue.send(1))).toMatchObject({ level: 'replicated', copies: 3 })
    await room.sim.run(SECOND)
    const { holders } = await room.settle(queue.stats())
    // One of the holders hangs; two copies are there at once, the third only when it is given up.
    const slow = room.tabs.findIndex(({ tab }) => tab.peerId === holders[2])
    const sender = (slow + 1) % 4
    room.sim.tab(slow).pause(60_000)
    const startedMs = room.sim.clock.now()
    expect(await room.settle(room.queue(sender).send(2, { copies: 2 }))).toMatchObject({ copies: 2 })
    expect(room.sim.clock.now() - startedMs).toBeLessThan(SECOND)
  })

  test('a number that is none is refused', async () => {
    const room = await QueueRoom.open(1)
    for (const copies of [0, 6, 1.5, Number.NaN])
      expect(await failureOf(room.queue(0).send(1, { copies }))).toMatchObject({ code: 'bad-option' })
  })

  test('stored, a message that its queue refuses is not told to be there', async () => {
    const room = await QueueRoom.open(2)
    const queue = room.queue(0, 'orders', { maxMessages: 1, whenFull: 'fail' })
    await room.settle(queue.send(1, { dedupId: 'a', level: 'stored' }))
    expect(await failureOf(room.settle(queue.send(2, { level: 'stored' })))).toMatchObject({
      code: 'queue-full',
    })
    expect(await room.settle(queue.send(1, { dedupId: 'a', level: 'stored' }))).toMatchObject({
      isDuplicate: true,
    })
  })
})
