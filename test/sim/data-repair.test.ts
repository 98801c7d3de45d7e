import { describe, expect, test } from 'vitest'
import type { ShardId } from '../../web/base/index.ts'
import type { DatasetManifest } from '../../web/data/index.ts'
import { type Store, StoreError } from '../../web/storage/index.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'
import { withRequest } from '../support/sim/taps.ts'
import { csvText, DataTab, faultOf, streamOf } from './data-room.ts'

const HALF_AN_HOUR_MS = 30 * 60_000

/** Tabs with a file of two copies a shard, and every request for a shard that they make. */
async function openRoom(sim: Simulation, count: number) {
  const asked: { readonly to: string; readonly shardId: string }[] = []
  const sabotage = {
    room: (room: Parameters<typeof withRequest>[0]) =>
      withRequest(room, (to, method, body, send) => {
        if (method === 'data.get') asked.push({ to, shardId: String(body) })
        return send(to, method, body)
      }),
  }
  const tabs = Array.from({ length: count }, (_, n) => new DataTab(sim, n, undefined, sabotage))
  await sim.settle(Promise.all(tabs.map((tab) => tab.start())), 60_000, 'all joins')
  await sim.runUntil(() => tabs.every(({ room }) => room.members().length === count), 30_000, 'all members')
  const [first, second, third] = tabs as [DataTab, DataTab, DataTab]
  await sim.settle(
    first.data.datasets.add('file.csv', streamOf(csvText(1, 2000)), { shardBytes: 4096, format: 'csv' }),
    60_000,
    'the add',
  )
  await sim.run(20_000)
  const manifest = first.data.shards.manifest('file.csv') as DatasetManifest
  const heldBy = async (...holders: DataTab[]) => {
    const disks = await Promise.all(holders.map((tab) => tab.shardsOnDisk()))
    return manifest.shards.filter(({ id }) => disks.every((disk) => disk.has(id))).map(({ id }) => id)
  }
  asked.length = 0
  return { first, second, third, manifest, heldBy, asked }
}

/** Its disk reads no shard until it is mended, while its list of them stays as it was. */
function breakReads(tab: DataTab): () => void {
  return replace(tab, 'get', async () => {
    throw new StoreError('unavailable', 'the disk reads nothing')
  })
}

function replace<Name extends 'get' | 'write'>(tab: DataTab, name: Name, instead: Store[Name]): () => void {
  const store = tab.disk.current as Store
  const sound = store[name].bind(store)
  Object.assign(store, { [name]: instead })
  return () => Object.assign(store, { [name]: sound })
}

describe('repair', () => {
  test('SHD17 a holder that claims and cannot give is asked less and less, and is not believed any more', async () => {
    const sim = createSimulation(51)
    const { first, second, third, heldBy, asked, manifest } = await openRoom(sim, 3)
    const onlySecond = await heldBy(second, third)
    expect(onlySecond.length).toBeGreaterThan(3)
    const mend = breakReads(second)
    third.kill()
    await sim.run(HALF_AN_HOUR_MS)
    for (const id of onlySecond) {
      const times = asked.filter(({ to, shardId }) => to === second.peerId && shardId === id).length
      expect(times).toBeGreaterThanOrEqual(5)
      expect(times).toBeLessThanOrEqual(16)
    }
    const info = () => first.data.datasets.get('file.csv')?.info()
    expect(info()?.availableShards).toBe(manifest.shards.length - onlySecond.length)
    mend()
    await sim.runUntil(() => info()?.missingReplicas === 0, 310_000, 'repair by the wait at its longest')
    expect(await faultOf([first, second], manifest, 2)).toBeUndefined()
  })

  test('SHD17 who joins anew is asked at once, whatever it could not give before', async () => {
    const sim = createSimulation(52)
    const { first, second, third, manifest } = await openRoom(sim, 3)
    breakReads(second)
    third.kill()
    await sim.run(HALF_AN_HOUR_MS)
    const info = () => first.data.datasets.get('file.csv')?.info()
    expect(info()?.availableShards).toBeLessThan(manifest.shards.length)
    await sim.settle(second.leave())
    await sim.settle(second.start())
    await sim.runUntil(() => info()?.missingReplicas === 0, 20_000, 'repair')
  })

  test('SHD17 a holder that failed is asked after the others, by every reader', async () => {
    const sim = createSimulation(53)
    const { first, second, third, manifest, heldBy, asked } = await openRoom(sim, 3)
    const [id] = await heldBy(second, third)
    breakReads(second)
    const signal = new AbortController().signal
    for (let n = 0; n < 20; n++) {
      const { bytes } = await sim.settle(first.data.shards.read(id as ShardId, signal))
      expect(bytes.byteLength).toBe(manifest.shards.find((shard) => shard.id === id)?.bytes)
    }
    expect(asked.filter(({ to }) => to === third.peerId).length).toBe(20)
    expect(asked.filter(({ to }) => to === second.peerId).length).toBeLessThanOrEqual(1)
  })

  test('SHD17 a disk that takes nothing, though it is not full, makes nobody send without an end', async () => {
    const sim = createSimulation(54)
    const { first, second, third, asked, heldBy } = await openRoom(sim, 3)
    const lacking = await heldBy(second, third)
    replace(first, 'write', async () => {
      throw new StoreError('unavailable', 'the disk takes nothing')
    })
    third.kill()
    await sim.run(HALF_AN_HOUR_MS)
    for (const id of lacking) {
      const times = asked.filter(({ to, shardId }) => to === second.peerId && shardId === id).length
      expect(times).toBeGreaterThanOrEqual(5)
      expect(times).toBeLessThanOrEqual(16)
    }
  })

  test('SHD17 owners that promise nothing are not asked each two seconds', async () => {
    const sim = createSimulation(55)
    let keeps = 0
    const sabotage = {
      room: (room: Parameters<typeof withRequest>[0]) =>
        withRequest(room, (to, method, body, send) => {
          if (method !== 'data.keep') return send(to, method, body)
          keeps++
          return Promise.resolve([])
        }),
    }
    const tabs = Array.from({ length: 3 }, (_, n) => new DataTab(sim, n, undefined, sabotage))
    await sim.settle(Promise.all(tabs.map((tab) => tab.start())), 60_000, 'all joins')
    const add = tabs[0]?.data.datasets.add('file.csv', streamOf(csvText(1, 2000)), { shardBytes: 4096 })
    await sim.settle(add as NonNullable<typeof add>)
    const fourth = new DataTab(sim, 7, undefined, sabotage)
    await sim.settle(fourth.start())
    await sim.run(HALF_AN_HOUR_MS)
    expect(keeps).toBeGreaterThan(10)
    expect(keeps).toBeLessThan(3 * 4 * 40)
  })
})
