import { describe, expect, test } from 'vitest'
import { dropOldBuilds, keepBuild } from '../../../web/ui/update/kept-builds.ts'

const FILES = ['https://mesh.example/', 'https://mesh.example/assets/a.js']

/** What a browser keeps, in the order in which it was made; `addAll` keeps all or nothing. */
class FakeCaches {
  readonly kept = new Map<string, string[]>()
  isServerThere = true

  async open(name: string) {
    const files = this.kept.get(name) ?? []
    this.kept.set(name, files)
    return {
      keys: async () => files,
      addAll: async (requests: readonly Request[]) => {
        if (!this.isServerThere) throw new TypeError('Failed to fetch')
        files.splice(0, files.length, ...requests.map(({ url }) => url))
      },
    }
  }
  async has(name: string) {
    return this.kept.has(name)
  }
  async keys() {
    return [...this.kept.keys()]
  }
  async delete(name: string) {
    return this.kept.delete(name)
  }
  get names(): readonly string[] {
    return [...this.kept.keys()]
  }
}

function setting() {
  const fake = new FakeCaches()
  const caches = fake as unknown as CacheStorage
  const keep = (name: string) => keepBuild(caches, name, FILES)
  const takeOver = (name: string) => dropOldBuilds(caches, 'tabmesh-', name)
  return { fake, caches, keep, takeOver }
}

describe('UI8: the versions that are kept', () => {
  test('UI8: a version that does not come leaves nothing, and costs open tabs nothing', async () => {
    const { fake, keep, takeOver } = setting()
    await keep('tabmesh-1')
    fake.isServerThere = false
    await expect(keep('tabmesh-2')).rejects.toThrow('Failed to fetch')
    expect(fake.names).toEqual(['tabmesh-1'])
    fake.isServerThere = true
    await keep('tabmesh-3')
    await takeOver('tabmesh-3')
    expect(fake.names).toEqual(['tabmesh-1', 'tabmesh-3'])
  })

  test('UI8: a version whose worker alone is another keeps its files when they do not come again', async () => {
    const { fake, keep } = setting()
    await keep('tabmesh-1')
    fake.isServerThere = false
    await expect(keep('tabmesh-1')).rejects.toThrow('Failed to fetch')
    expect(fake.kept.get('tabmesh-1')).toEqual(FILES)
  })

  test('UI8: a version that was cut off while it came is not the one before', async () => {
    const { fake, caches, keep, takeOver } = setting()
    await keep('tabmesh-0')
    await keep('tabmesh-1')
    await caches.open('tabmesh-2')
    await caches.open('another page’s')
    await keep('tabmesh-3')
    await takeOver('tabmesh-3')
    expect(fake.names).toEqual(['tabmesh-1', 'another page’s', 'tabmesh-3'])
  })
})
