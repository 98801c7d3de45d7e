import { describe, expect, test } from 'vitest'
import type { Delivery } from '../../../web/messaging/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

const SECOND = 1_000
const hold = () => new Promise<never>(() => {})

function peerOf(room: QueueRoom, index: number): never {
  return room.tabs[index]?.tab.peerId as never
}

describe('who owns a queue', () => {
  test('QUE25 an owner that dies is replaced, and nothing that was confirmed is missing', async () => {
    const room = await QueueRoom.open(3)
    const bodies = Array.from({ length: 20 }, (_, n) => n)
    await room.settle(Promise.all(bodies.map((body) => room.queue(0).send(body))))
    const owner = await room.owner()
    room.kill(owner)
    const left = [0, 1, 2].filter((index) => index !== owner)
    const loop = room.loop(left[0] as number)
    await room.sim.runUntil(() => loop.bodies.length >= 20, 20_000)
    expect(loop.bodies).toEqual(bodies)
  })

  test('QUE25 one that freezes is replaced within five seconds, and obeys the new one when it wakes', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0).send('a'))
    const owner = await room.owner()
    const other = (owner + 1) % 3
    await room.sim.run(2 * SECOND)
    const stuck = room.queue(owner).send('b')
    room.sim.tab(owner).pause(30_000)
    await room.sim.run(5 * SECOND)
    expect(await room.settle(room.queue(other).send('c'))).toMatchObject({ level: 'replicated' })
    const { owner: now } = await room.settle(room.queue(other).stats())
    expect(now).not.toBe(peerOf(room, owner))
    await room.sim.run(30 * SECOND)
    await room.settle(stuck)
    expect((await room.settle(room.queue(owner).stats())).owner).toBe(now)
    expect((await room.settle(room.queue(other).stats())).messages).toBe(3)
  })

  test('QUE25 ownership stays where it is when others come, whatever their rank', async () => {
    const room = await QueueRoom.open(1)
    await room.settle(room.queue(0).send(1))
    for (let n = 0; n < 4; n++) await room.joins()
    await room.sim.run(10 * SECOND)
    expect(await room.owner()).toBe(0)
    const { holders } = await room.settle(room.queue(0).stats())
    await room.joins()
    await room.sim.run(10 * SECOND)
    expect((await room.settle(room.queue(0).stats())).holders).toEqual(holders)
  })

  test('QUE25 what a consumer has in hand stays its own when the owner changes', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0).send('job'))
    const owner = await room.owner()
    const [first, second] = [0, 1, 2].filter((index) => index !== owner) as [number, number]
    const holding = room.loop(first, { ack: 'individual' }, hold)
    await room.sim.run(SECOND)
    const other = room.loop(second, { ack: 'individual' })
    room.kill(owner)
    await room.sim.run(20 * SECOND)
    await room.settle((holding.got[0] as Delivery).ack())
    expect(other.bodies).toEqual([])
    expect((await room.settle(room.queue(second).stats())).messages).toBe(0)
  })

  test('QUE25 a holder that dies is replaced, so that the next death loses nothing either', async () => {
    const room = await QueueRoom.open(4)
    await room.settle(room.queue(0).send('precious'))
    for (let deaths = 0; deaths < 3; deaths++) {
      const asked = room.tabs.findIndex(({ tab }) => !dead.has(tab.peerId))
      const { holders } = await room.settle(room.queue(asked).stats())
      const victim = room.tabs.findIndex(({ tab }) => tab.peerId === holders.at(deaths % 2 === 0 ? -1 : 0))
      dead.add(peerOf(room, victim))
      room.kill(victim)
      await room.sim.run(20 * SECOND)
    }
    const last = room.tabs.findIndex(({ tab }) => !dead.has(tab.peerId))
    const loop = room.loop(last)
    await room.sim.run(5 * SECOND)
    expect(loop.bodies).toEqual(['precious'])
  })
  const dead = new Set<string>()

  test('QUE26 both sides of a split go on; when it heals, everything is there once more', async () => {
    const room = await QueueRoom.open(4)
    await room.settle(room.queue(0).send('before'))
    const [a, b, c, d] = [0, 1, 2, 3].map((index) => peerOf(room, index)) as [never, never, never, never]
    room.sim.network.partition([a, b], [c, d])
    await room.sim.run(15 * SECOND)
    await room.settle(room.queue(0).send('left'), 60_000)
    await room.settle(room.queue(2).send('right'), 60_000)
    room.sim.network.heal()
    await room.sim.run(30 * SECOND)
    const loop = room.loop(1)
    await room.sim.run(5 * SECOND)
    expect([...loop.bodies].sort()).toEqual(['before', 'left', 'right'])
    const owners = await Promise.all(
      [0, 1, 2, 3].map(async (index) => (await room.settle(room.queue(index).stats())).owner),
    ).catch(() => [])
    expect(new Set(owners).size).toBeLessThanOrEqual(1)
  })

  test('QUE26 what was finished on one side is not given out again by the other', async () => {
    const room = await QueueRoom.open(4)
    for (const body of ['x', 'y']) await room.settle(room.queue(0).send(body))
    const { holders } = await room.settle(room.queue(0).stats())
    const [owner, holder] = holders.map((peer) => room.tabs.findIndex(({ tab }) => tab.peerId === peer)) as [
      number,
      number,
    ]
    const others = [0, 1, 2, 3].filter((index) => index !== owner && index !== holder)
    room.sim.network.partition(
      [peerOf(room, owner), peerOf(room, others[0] as number)],
      [peerOf(room, holder), peerOf(room, others[1] as number)],
    )
    await room.sim.run(15 * SECOND)
    const left = room.loop(owner)
    await room.sim.run(5 * SECOND)
    expect(left.bodies).toEqual(['x', 'y'])
    left.stop()
    room.sim.network.heal()
    await room.sim.run(30 * SECOND)
    const right = room.loop(holder)
    await room.sim.run(5 * SECOND)
    expect(right.bodies).toEqual([])
  })

  test('QUE26 two that cannot link use a queue through a third', async () => {
    const room = await QueueRoom.open(3)
    room.sim.network.partition([peerOf(room, 0)], [peerOf(room, 1)])
    await room.sim.run(15 * SECOND)
    const loop = room.loop(1)
    await room.settle(room.queue(0).send('hello'), 60_000)
    await room.sim.run(10 * SECOND)
    expect(loop.bodies).toContain('hello')
  })

  test('QUE27 a damaged record is not given out: its messages come from the other copy', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(Promise.all(['a', 'b', 'c'].map((body) => room.queue(0).send(body))))
    const owner = await room.owner()
    room.kill(owner)
    const { disk } = room.tabs[owner] as (typeof room.tabs)[number]
    const damaged = disk.damage('queue.pages', ['orders', 1], { bytes: new Uint8Array([1, 2, 3]), sum: 7 })
    expect(damaged).toBe(true)
    await room.sim.run(10 * SECOND)
    await room.returns(owner)
    await room.meets()
    room.kill(1 - owner)
    await room.sim.run(20 * SECOND)
    const loop = room.loop(owner)
    await room.sim.run(5 * SECOND)
    expect(loop.bodies).toEqual(['a', 'b', 'c'])
  })

  test('QUE27 a member whose store was wiped comes back as one that has nothing, and gets its copy again', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0).send('kept'))
    const owner = await room.owner()
    room.kill(owner)
    room.tabs[owner]?.disk.forget()
    await room.sim.run(10 * SECOND)
    await room.returns(owner)
    await room.meets()
    await room.sim.run(10 * SECOND)
    room.kill(1 - owner)
    await room.sim.run(20 * SECOND)
    const loop = room.loop(owner)
    await room.sim.run(5 * SECOND)
    expect(loop.bodies).toEqual(['kept'])
  })
})

describe('disks', () => {
  test('QUE28 a full disk rejects the send with its reason, and what was there stays', async () => {
    const room = await QueueRoom.open(1)
    await room.settle(room.queue(0).send('small'))
    const { disk } = room.tabs[0] as (typeof room.tabs)[number]
    disk.faults.quotaBytes = disk.usedBytes
    expect(await failureOf(room.settle(room.queue(0).send('x'.repeat(5_000))))).toMatchObject({
      code: 'quota',
    })
    disk.faults.quotaBytes = 2 ** 30
    await room.settle(room.queue(0).send('after'))
    const loop = room.loop(0)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['small', 'after'])
  })

  test('QUE28 a dedupId whose message found no room is free for the next try', async () => {
    const room = await QueueRoom.open(1)
    await room.settle(room.queue(0).send('small'))
    const { disk } = room.tabs[0] as (typeof room.tabs)[number]
    disk.faults.quotaBytes = disk.usedBytes
    const large = 'x'.repeat(5_000)
    expect(await failureOf(room.settle(room.queue(0).send(large, { dedupId: 'once' })))).toMatchObject({
      code: 'quota',
    })
    disk.faults.quotaBytes = 2 ** 30
    expect(await room.settle(room.queue(0).send('fits', { dedupId: 'once' }))).toMatchObject({
      isDuplicate: false,
    })
    expect((await room.settle(room.queue(0).stats())).messages).toBe(2)
  })

  test('QUE28 acks get through on a full disk while sends are refused, and make room', async () => {
    const room = await QueueRoom.open(1)
    const large = 'x'.repeat(5_000)
    await room.settle(room.queue(0).send(large))
    const { disk } = room.tabs[0] as (typeof room.tabs)[number]
    disk.faults.quotaBytes = disk.usedBytes + 1_000
    const refused = [1, 2, 3].map(() => failureOf(room.queue(0).send(large)))
    const loop = room.loop(0)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual([large])
    expect((await room.settle(Promise.all(refused))).map(({ code }) => code)).toEqual([
      'quota',
      'quota',
      'quota',
    ])
    await room.settle(room.queue(0).send(large))
    await room.sim.run(SECOND)
    expect(loop.got).toHaveLength(2)
  })

  test('QUE28 a handle that is lost while writing confirms nothing that is not there', async () => {
    for (const fault of ['written', 'not-written'] as const) {
      const room = await QueueRoom.open(2)
      await room.settle(room.queue(0).send('first'))
      const { disk } = room.tabs[0] as (typeof room.tabs)[number]
      disk.faults.nextWriteLost = fault
      const second = room.queue(0).send('second')
      await room.settle(second.catch(() => 'refused'))
      await room.settle(room.queue(0).send('third'))
      const loop = room.loop(1)
      await room.sim.run(10 * SECOND)
      expect(loop.bodies).toContain('first')
      expect(loop.bodies).toContain('third')
      const isConfirmed = await room.settle(
        second.then(
          () => true,
          () => false,
        ),
      )
      if (isConfirmed) expect(loop.bodies).toContain('second')
    }
  })
})
