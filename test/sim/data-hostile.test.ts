import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { DatasetManifest } from '../../web/data/index.ts'
import { StoreError, type StoreErrorCode } from '../../web/storage/index.ts'
import type { Value } from '../../web/wire/index.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'
import { csvText, DataTab, faultOf, streamOf } from './data-room.ts'

async function openTabs(sim: Simulation, count: number): Promise<[DataTab, DataTab, ...DataTab[]]> {
  const tabs = Array.from({ length: count }, (_, n) => new DataTab(sim, n))
  await sim.settle(Promise.all(tabs.map((tab) => tab.start())), 60_000, 'all joins')
  await sim.runUntil(() => tabs.every(({ room }) => room.members().length === count), 30_000, 'all members')
  return tabs as [DataTab, DataTab, ...DataTab[]]
}

function ask(from: DataTab, to: DataTab, method: string, body: Value): Promise<unknown> {
  return from.room.request(to.peerId, method, body, { timeoutMs: 60_000, lane: 'bulk' })
}

const shardIdOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const putOf = (ingest: string, bytes: Uint8Array<ArrayBuffer>) => ({
  ingest,
  shardId: shardIdOf(bytes),
  bytes,
})

function manifestOf(tab: DataTab, id: string, shards: number): Value {
  const entries = Array.from({ length: shards }, () => ({ id: '0'.repeat(64), bytes: 5, records: 1 }))
  const format = { kind: 'text' }
  return { id, name: id, format, replicas: 1, shards: entries, addedBy: tab.peerId, addedAt: 1 }
}

describe('a hostile member', () => {
  test('SHD15 what it puts waits within a bound, and goes when nobody announces it', async () => {
    const sim = createSimulation(31)
    const [good, bad] = await openTabs(sim, 2)
    const shards = Array.from({ length: 6 }, (_, n) => new Uint8Array(8 * 2 ** 20).fill(n + 1))
    const write = good.disk.current?.write.bind(good.disk.current)
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    Object.assign(good.disk.current as object, {
      write: async (...args: Parameters<NonNullable<typeof write>>) => {
        await gate
        await write?.(...args)
      },
    })
    const puts = shards.map((bytes) => ask(bad, good, 'data.put', putOf('badingest1', bytes)))
    const outcomes = Promise.allSettled(puts)
    await sim.run(5000)
    release()
    const codes = (await sim.settle(outcomes)).map((outcome) =>
      outcome.status === 'fulfilled' ? 'stored' : (outcome.reason as { code: string }).code,
    )
    expect(codes.filter((code) => code === 'stored').length).toBe(2)
    expect(codes.filter((code) => code === 'busy').length).toBe(4)
    bad.kill()
    await sim.run(150_000)
    expect((await good.shardsOnDisk()).size).toBe(0)
  })

  test('SHD15 bytes without their hash, and more files at once than anybody adds, are refused', async () => {
    const sim = createSimulation(32)
    const [good, bad] = await openTabs(sim, 2)
    const lie = { ...putOf('badingest1', new Uint8Array([1])), bytes: new Uint8Array([2]) }
    await expect(sim.settle(ask(bad, good, 'data.put', lie))).rejects.toMatchObject({ code: 'bad-bytes' })
    for (let n = 0; n < 256; n++)
      await sim.settle(ask(bad, good, 'data.put', putOf(`badingest${n}`, new Uint8Array([7]))))
    const more = ask(bad, good, 'data.put', putOf('badingest256', new Uint8Array([7])))
    await expect(sim.settle(more)).rejects.toMatchObject({ code: 'busy' })
  })

  test('SHD15 tombstones of datasets that never were keep no dataset out', async () => {
    const sim = createSimulation(33)
    const [good, bad] = await openTabs(sim, 2)
    for (let n = 0; n < 11; n++) {
      const digest = Array.from({ length: 1000 }, (_, i): Value => [`forged${n}x${i}`, true])
      await sim.settle(bad.room.notify(good.peerId, 'data.digest', digest))
    }
    await sim.run(5000)
    expect((await good.idsOnDisk()).dropped.length).toBe(2_000)
    const added = good.data.datasets.add('file.csv', streamOf(csvText(1, 50)))
    expect((await sim.settle(added)).info().records).toBe(50)
  })

  test('SHD15 what it adds and drops again and again is forgotten, its oldest first, and nothing of others', async () => {
    const sim = createSimulation(42)
    const [good, bad] = await openTabs(sim, 2)
    const dataset = await sim.settle(good.data.datasets.add('file.csv', streamOf(csvText(1, 50))))
    const own = good.data.shards.manifest('file.csv')?.id as string
    await sim.settle(dataset.drop())
    for (let n = 0; n < 2_005; n++) {
      await sim.settle(ask(bad, good, 'data.announce', manifestOf(bad, `dropped${n}x`, 1)))
      await sim.settle(ask(bad, good, 'data.drop', `dropped${n}x`))
    }
    const { dropped, live } = await good.idsOnDisk()
    expect(live).toEqual([])
    expect(dropped.length).toBe(2_001)
    expect(dropped).toContain(own)
    expect(dropped).toContain('dropped2004x')
    expect(dropped).not.toContain('dropped4x')
  })

  test('SHD15 it announces for nobody else, no endless catalog, and one shard a thousand times is no burden', async () => {
    const sim = createSimulation(34)
    const [good, bad] = await openTabs(sim, 2)
    const forged = ask(bad, good, 'data.announce', manifestOf(good, 'forgedset1', 1))
    await expect(sim.settle(forged)).rejects.toMatchObject({ code: 'bad-message' })
    let taken = 0
    for (let n = 0; n < 9; n++) {
      const announced = ask(bad, good, 'data.announce', manifestOf(bad, `largeset${n}`, 65_536))
      await sim.settle(announced).then(
        () => taken++,
        (error: { code: string }) => expect(error.code).toBe('refused'),
      )
    }
    expect(taken).toBe(8)
    expect(good.data.datasets.get('largeset0')?.info().availableShards).toBe(0)
  })

  test('SHD15 every member may drop: a drop of another peer is obeyed, everywhere', async () => {
    const sim = createSimulation(35)
    const tabs = await openTabs(sim, 3)
    const dataset = await sim.settle(tabs[0].data.datasets.add('file.csv', streamOf(csvText(1, 500))))
    const id = tabs[0].data.shards.manifest('file.csv')?.id as string
    expect(dataset.info().records).toBe(500)
    await sim.settle(ask(tabs[1], tabs[0], 'data.drop', id))
    await sim.run(20_000)
    for (const tab of tabs) expect(tab.data.datasets.list()).toEqual([])
  })

  test('SHD15 a manifest that disagrees with a known one of the same id changes nothing', async () => {
    const sim = createSimulation(36)
    const [good, bad] = await openTabs(sim, 2)
    await sim.settle(ask(bad, good, 'data.announce', manifestOf(bad, 'sameiddddd', 3)))
    await sim.settle(ask(bad, good, 'data.announce', manifestOf(bad, 'sameiddddd', 5)))
    expect(good.data.datasets.get('sameiddddd')?.shards().length).toBe(3)
  })
})

/** Each write of a dataset's row on the tab's disk that `fault` has a code for fails with it, done or not. */
function failRows(tab: DataTab, fault: () => StoreErrorCode | undefined, isDone = false): void {
  const store = tab.disk.current as NonNullable<DataTab['disk']['current']>
  const write = store.write.bind(store)
  Object.assign(store, {
    write: async (...args: Parameters<typeof write>) => {
      const first = args[0][0]
      const code = first?.table === 'data.manifests' && 'value' in first ? fault() : undefined
      if (!code || isDone) await write(...args)
      if (code) throw new StoreError(code, 'the disk')
    },
  })
}

const namesOf = (tab: DataTab) => tab.data.datasets.list().map(({ name }) => name)

describe('faults on the way', () => {
  test('SHD5 an add that the disk cannot remember says quota and leaves nothing', async () => {
    const sim = createSimulation(43)
    const tabs = await openTabs(sim, 3)
    let isFull = true
    failRows(tabs[0], () => (isFull ? 'quota' : undefined))
    const add = () => tabs[0].data.datasets.add('file.csv', streamOf(csvText(1, 500)), { shardBytes: 4096 })
    await expect(sim.settle(add())).rejects.toMatchObject({ code: 'quota', name: 'DataError' })
    await sim.run(2000)
    for (const tab of tabs) {
      expect(namesOf(tab)).toEqual([])
      expect((await tab.shardsOnDisk()).size).toBe(0)
    }
    isFull = false
    await sim.settle(add())
    await sim.settle(Promise.all(tabs.map((tab) => tab.leave())))
    await sim.settle(tabs[0].start())
    expect(namesOf(tabs[0])).toEqual(['file.csv'])
  })

  test('SHD5 an add whose storage is lost says so, and what it may have written is removed', async () => {
    const sim = createSimulation(44)
    const tabs = await openTabs(sim, 2)
    failRows(tabs[0], () => 'lost', true)
    const add = tabs[0].data.datasets.add('file.csv', streamOf(csvText(1, 500)))
    await expect(sim.settle(add)).rejects.toMatchObject({ code: 'lost' })
    await sim.run(2000)
    for (const tab of tabs) {
      expect(await tab.idsOnDisk()).toEqual({ live: [], dropped: [] })
      expect((await tab.shardsOnDisk()).size).toBe(0)
      expect(namesOf(tab)).toEqual([])
    }
  })

  test('SHD4 a dataset whose write a lost handle ended is written again, by its adder and the others', async () => {
    const sim = createSimulation(45)
    const tabs = await openTabs(sim, 2)
    for (const tab of tabs) {
      let left = 1
      failRows(tab, () => (left-- > 0 ? 'lost' : undefined))
    }
    await sim.settle(tabs[0].data.datasets.add('file.csv', streamOf(csvText(1, 500))))
    await sim.settle(Promise.all(tabs.map((tab) => tab.leave())))
    for (const tab of tabs) {
      await sim.settle(tab.start())
      expect(namesOf(tab)).toEqual(['file.csv'])
      await sim.settle(tab.leave())
    }
  })

  test('SHD4 a member that cannot keep a dataset lists it but tells nobody of it, until its disk takes it', async () => {
    const sim = createSimulation(46)
    const tabs = await openTabs(sim, 2)
    let isFailing = true
    failRows(tabs[1], () => (isFailing ? 'quota' : undefined))
    const began = sim.clock.now()
    await sim.settle(tabs[0].data.datasets.add('file.csv', streamOf(csvText(1, 500))))
    expect(sim.clock.now() - began).toBeLessThan(5_000)
    expect(namesOf(tabs[1])).toEqual(['file.csv'])
    await sim.settle(tabs[0].leave())
    const late = new DataTab(sim, 7)
    await sim.settle(late.start())
    await sim.run(40_000)
    expect(namesOf(late)).toEqual([])
    isFailing = false
    await sim.run(40_000)
    expect((await tabs[1].idsOnDisk()).live.length).toBe(1)
    expect(namesOf(late)).toEqual(['file.csv'])
  })

  test('SHD5 an add that is aborted while it is announced ends at once, and is dropped everywhere', async () => {
    const sim = createSimulation(47)
    const tabs = await openTabs(sim, 3)
    const store = tabs[1].disk.current as NonNullable<DataTab['disk']['current']>
    const write = store.write.bind(store)
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    Object.assign(store, {
      write: async (...args: Parameters<typeof write>) => {
        if (args[0][0]?.table === 'data.manifests') await gate
        await write(...args)
      },
    })
    const controller = new AbortController()
    let phase = ''
    const add = tabs[0].data.datasets.add('file.csv', streamOf(csvText(1, 2000)), {
      shardBytes: 4096,
      signal: controller.signal,
      onProgress: (progress) => {
        phase = progress.phase
      },
    })
    add.catch(() => {})
    await sim.runUntil(() => phase === 'announcing', 10_000, 'the announcement')
    await sim.run(2000)
    expect(phase).toBe('announcing')
    const aborted = sim.clock.now()
    controller.abort(new Error('enough'))
    await expect(sim.settle(add)).rejects.toThrow('enough')
    expect(sim.clock.now() - aborted).toBeLessThan(100)
    expect(namesOf(tabs[0])).toEqual([])
    release()
    await sim.run(20_000)
    for (const tab of tabs) {
      expect(namesOf(tab)).toEqual([])
      expect((await tab.shardsOnDisk()).size).toBe(0)
      expect((await tab.idsOnDisk()).dropped.length).toBe(1)
    }
  })

  test('SHD4 many files added at once are all whole', async () => {
    const sim = createSimulation(37, { path: { latencyMs: 40 } })
    const tabs = await openTabs(sim, 2)
    const adds = Array.from({ length: 6 }, (_, n) =>
      tabs[0].data.datasets.add(`file${n}.csv`, streamOf(csvText(n, 6000)), { shardBytes: 4096 }),
    )
    await sim.settle(Promise.all(adds))
    for (let n = 0; n < 6; n++) {
      const manifest = tabs[0].data.shards.manifest(`file${n}.csv`) as DatasetManifest
      expect(await faultOf(tabs, manifest, 2)).toBeUndefined()
    }
    expect(tabs[1].fetchedBytes).toBe(0)
  })

  test('SHD5 an adder that was cut off for longer than orphans live loses nothing that it put', async () => {
    const sim = createSimulation(38)
    const tabs = await openTabs(sim, 3)
    const ids = tabs.map(({ peerId }) => peerId)
    let pull: ReadableStreamDefaultController<Uint8Array> | undefined
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        pull = controller
      },
    })
    const text = csvText(1, 12_000)
    const bytes = new TextEncoder().encode(text)
    const middle = bytes.byteLength >> 1
    tabs[0].data.setHoldsData(false)
    await sim.run(1000)
    const add = tabs[0].data.datasets.add('file.csv', stream, {
      shardBytes: 4096,
      format: 'csv',
      replicas: 1,
    })
    pull?.enqueue(bytes.subarray(0, middle))
    await sim.run(5000)
    sim.network.partition(ids.slice(0, 1), ids.slice(1))
    await sim.run(30_000)
    sim.network.heal()
    await sim.runUntil(() => tabs.every(({ room }) => room.members().length === 3), 60_000, 'everybody')
    await sim.run(100_000)
    pull?.enqueue(bytes.subarray(middle))
    pull?.close()
    const dataset = await sim.settle(add, 120_000)
    expect(dataset.info()).toMatchObject({ records: 12_000, missingReplicas: 0 })
    expect(await sim.settle(dataset.export().then((blob) => blob.text()))).toBe(text)
  })

  test('SHD12 a copy that the disk cannot read is fetched again', async () => {
    const sim = createSimulation(39)
    const tabs = await openTabs(sim, 2)
    await sim.settle(tabs[0].data.datasets.add('file.csv', streamOf(csvText(1, 500))))
    const store = tabs[0].disk.current as NonNullable<DataTab['disk']['current']>
    const get = store.get.bind(store)
    for (const code of ['corrupt', 'unavailable', 'lost'] as const) {
      let isFailing = true
      Object.assign(store, {
        get: async (...args: Parameters<typeof get>) => {
          if (isFailing) throw new StoreError(code, 'the disk')
          return get(...args)
        },
      })
      const id = tabs[0].data.shards.manifest('file.csv')?.shards[0]?.id as DatasetManifest['shards'][0]['id']
      const read = await sim.settle(tabs[0].data.shards.read(id, new AbortController().signal))
      expect(read.bytesMoved).toBeGreaterThan(0)
      isFailing = false
      await sim.run(30_000)
      expect(tabs[0].data.shards.holdsLocally(id)).toBe(true)
    }
  })

  test('SHD12 every read has a buffer of its own, which the reader may give away', async () => {
    const sim = createSimulation(40)
    const tabs = await openTabs(sim, 3)
    await sim.settle(tabs[0].data.datasets.add('file.csv', streamOf(csvText(1, 500)), { replicas: 1 }))
    const id = tabs[0].data.shards.manifest('file.csv')?.shards[0]?.id as DatasetManifest['shards'][0]['id']
    const signal = new AbortController().signal
    for (const tab of tabs) {
      const reads = await sim.settle(
        Promise.all([tab.data.shards.read(id, signal), tab.data.shards.read(id, signal)]),
      )
      const [first, second] = reads.map(({ bytes }) => bytes) as [ArrayBuffer, ArrayBuffer]
      structuredClone(first, { transfer: [first] })
      expect(first.byteLength).toBe(0)
      expect(shardIdOf(new Uint8Array(second))).toBe(id)
      expect(shardIdOf(new Uint8Array((await sim.settle(tab.data.shards.read(id, signal))).bytes))).toBe(id)
    }
  })

  test('SHD8 a tombstone that a full disk refused is written once the shards have gone', async () => {
    const sim = createSimulation(41)
    const [tab] = await openTabs(sim, 2)
    const dataset = await sim.settle(tab.data.datasets.add('file.csv', streamOf(csvText(1, 500))))
    const store = tab.disk.current as NonNullable<DataTab['disk']['current']>
    const write = store.write.bind(store)
    let isFull = true
    Object.assign(store, {
      write: async (...args: Parameters<typeof write>) => {
        if (isFull && args[0][0]?.table === 'data.manifests') {
          isFull = false
          throw new StoreError('quota', 'the disk is full')
        }
        return write(...args)
      },
    })
    await sim.settle(dataset.drop())
    expect((await tab.idsOnDisk()).live).toEqual([])
  })
})
