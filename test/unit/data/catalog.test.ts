import { afterEach, describe, expect, test, vi } from 'vitest'
import type { DatasetId, PeerId, ShardId } from '../../../web/base/index.ts'
import { Catalog } from '../../../web/data/catalog.ts'
import type { DatasetManifest } from '../../../web/data/index.ts'
import { DATA_TABLES } from '../../../web/data/index.ts'
import { manifestValue } from '../../../web/data/messages.ts'
import { MANIFESTS } from '../../../web/data/tables.ts'
import { MemoryDisk } from '../../../web/storage/index.ts'

function manifest(n: number, name: string): DatasetManifest {
  return {
    id: `dataset${n}`.padEnd(12, 'x') as DatasetId,
    name,
    format: { kind: 'text' },
    replicas: 2,
    shards: [{ id: n.toString(16).padStart(64, '0') as ShardId, bytes: 5, records: 1 }],
    addedBy: 'a'.repeat(32) as PeerId,
    addedAt: n,
  }
}

async function catalogOf(manifests: readonly DatasetManifest[]): Promise<Catalog> {
  const store = await new MemoryDisk().open(DATA_TABLES)
  const writes = manifests.map((one) => ({ table: MANIFESTS, key: one.id, value: manifestValue(one) }))
  await store.write(writes, 'strict')
  const catalog = new Catalog(store)
  await catalog.load()
  return catalog
}

afterEach(() => vi.restoreAllMocks())

describe('names', () => {
  test('SHD7 thousands of one name cost no more than thousands of others, and each has its own', async () => {
    const catalog = await catalogOf(Array.from({ length: 4_000 }, (_, n) => manifest(n, 'a.csv')))
    const has = vi.spyOn(Map.prototype, 'has')
    const names = [...catalog.byName().keys()]
    expect(has.mock.calls.length).toBeLessThan(20_000)
    expect(names.length).toBe(4_000)
    expect(names.slice(0, 3)).toEqual(['a.csv', 'a.csv (2)', 'a.csv (3)'])
  })

  test('SHD7 a name that looks like a numbered one is nobody else’s', async () => {
    const catalog = await catalogOf([
      manifest(0, 'a (2)'),
      manifest(1, 'a'),
      manifest(2, 'a'),
      manifest(3, 'a (2)'),
    ])
    const names = [...catalog.byName()].map(([name, { addedAt }]) => [name, addedAt])
    expect(names).toEqual([
      ['a (2)', 0],
      ['a', 1],
      ['a (3)', 2],
      ['a (2) (2)', 3],
    ])
  })
})
