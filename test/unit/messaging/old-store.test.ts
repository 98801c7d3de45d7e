import 'fake-indexeddb/auto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { deriveRoom } from '../../../web/mesh/index.ts'
import { MESSAGING_TABLES } from '../../../web/messaging/index.ts'
import { MemoryDisk, type StoreKey, type StoreWrite } from '../../../web/storage/index.ts'
import { openIndexedDbStore } from '../../../web/storage/indexeddb.ts'
import { QueueRoom } from '../../support/queue-room.ts'
import { createSimulation } from '../../support/sim/index.ts'
import { openMessagingTab } from '../../support/sim/messaging-tab.ts'
import { joinRoom } from '../../support/sim/room.ts'

/** What a tab of the first release had on its disk: three messages of two people, and one that nobody else had yet. */
const FIXTURE = new URL('../../support/store-of-first-release.json', import.meta.url)

type Tables = Readonly<Record<string, readonly (readonly [StoreKey, unknown])[]>>

function oldTables(): Tables {
  return JSON.parse(readFileSync(FIXTURE, 'utf8'), (_, value) =>
    typeof value?.bytes === 'string' ? new Uint8Array(Buffer.from(value.bytes, 'base64')) : value,
  ) as Tables
}

function writesOf(tables: Tables): StoreWrite[] {
  return Object.entries(tables).flatMap(([table, rows]) =>
    rows.map(([key, value]) => ({ table, key, value })),
  )
}

describe('a member of the first release', () => {
  test('QUE39 keeps and owns nothing of a queue; the others use it around that member', async () => {
    const room = await QueueRoom.open(2)
    // It is in the room and answers to nothing of queues.
    const old = room.sim.tab(7)
    await room.settle(joinRoom(old))
    await room.sim.runUntil(() => room.tabs.every((tab) => tab.room.members().length === 3), 20_000)
    await room.sim.run(10_000)
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      expect(await room.settle(room.queue(0, name).send(name))).toMatchObject({
        level: 'replicated',
        copies: 2,
      })
      expect((await room.settle(room.queue(1, name).stats())).holders).not.toContain(old.peerId)
    }
    const loop = room.loop(1, { queue: 'a' })
    await room.sim.run(1_000)
    expect(loop.bodies).toEqual(['a'])
  })
})

describe('a store of the first release', () => {
  test('QUE39 opens with all its messages, and what waited goes out', async () => {
    const sim = createSimulation(11)
    const keys = await deriveRoom(sim.crypto, new Uint8Array(32).fill(7))
    const tables = oldTables()
    const old = await sim
      .tab(0)
      .kept('disk', () => new MemoryDisk())
      .open(Object.keys(tables))
    await old.write(writesOf(tables), 'strict')
    const ada = await sim.settle(openMessagingTab(sim.tab(0), keys, 'Ada'))
    const general = ada.messaging.history.entries('chat.general')
    expect(general.map(({ body, state, name }) => [body, state, name])).toEqual([
      ['hello', 'delivered', 'Ada'],
      [{ kind: 'object', at: new Date(0), bytes: new Uint8Array([1, 2, 3]) }, 'received', 'Grace'],
      ['written alone', 'sending', 'Ada'],
    ])
    expect(ada.messaging.history.entries('chat.plans').map(({ body }) => body)).toEqual(['a topic'])
    const grace = await sim.settle(openMessagingTab(sim.tab(1), keys, 'Grace'))
    await sim.runUntil(
      () => grace.messaging.history.entries('chat.general').some(({ body }) => body === 'written alone'),
      60_000,
    )
    const sent = ada.messaging.queue('orders').send('new things work too')
    expect(await sim.settle(sent)).toMatchObject({ level: 'replicated' })
  })

  test('QUE39 a database of before gets the new tables and keeps the old ones', async () => {
    const tables = oldTables()
    const before = await openIndexedDbStore('of-before', Object.keys(tables))
    await before.write(writesOf(tables), 'strict')
    await before.close()
    const after = await openIndexedDbStore('of-before', MESSAGING_TABLES)
    for (const [table, rows] of Object.entries(tables)) expect(await after.entries(table)).toEqual(rows)
    await after.write([{ table: 'queue.queues', key: 'orders', value: 1 }], 'strict')
    expect(await after.get('queue.queues', 'orders')).toBe(1)
    await after.close()
  })
})
