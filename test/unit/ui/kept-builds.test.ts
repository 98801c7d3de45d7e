import { describe, expect, test } from 'vitest'
import { findKept, keepBuild, takeOver } from '../../../web/ui/update/kept-builds.ts'

const FILES = ['https://mesh.example/', 'https://mesh.example/assets/a.js'] as const

/** What a browser keeps, in the order in which it was made; `addAll` keeps all or nothing. */
class FakeCaches {
  readonly kept = new Map<string, string[]>()
  readonly #bodies = new Map<string, string>()
  isServerThere = true
  isStorageThere = true

  async open(name: string) {
    if (!this.isStorageThere) throw new DOMException('The operation is insecure.', 'SecurityError')
    const files = this.kept.get(name) ?? []
    this.kept.set(name, files)
    return {
      keys: async () => files,
      match: async (path: string) =>
        files.includes(path) ? new Response(this.#bodies.get(`${name} ${path}`) ?? name) : undefined,
      put: async (path: string, response: Response) => {
        if (!files.includes(path)) files.push(path)
        this.#bodies.set(`${name} ${path}`, await response.text())
      },
      addAll: async (requests: readonly Request[]) => {
        if (!this.isServerThere) throw new TypeError('Failed to fetch')
        files.splice(0, files.length, ...requests.map(({ url }) => url))
      },
    }
  }
  async match(path: string) {
    const name = this.names.find((kept) => this.kept.get(kept)?.includes(path))
    return name === undefined ? undefined : new Response(name)
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
  const take = (name: string) => takeOver(caches, 'tabmesh-', name)
  const uses = async (name: string) => {
    await keep(name)
    await take(name)
  }
  return { fake, caches, keep, take, uses }
}

describe('UI8: the versions that are kept', () => {
  test('UI8: a version that does not come leaves nothing, and costs open tabs nothing', async () => {
    const { fake, keep, take } = setting()
    await keep('tabmesh-1')
    fake.isServerThere = false
    await expect(keep('tabmesh-2')).rejects.toThrow('Failed to fetch')
    expect(fake.names).toEqual(['tabmesh-1'])
    fake.isServerThere = true
    await keep('tabmesh-3')
    await take('tabmesh-3')
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
    const { fake, caches, keep, take } = setting()
    await keep('tabmesh-0')
    await keep('tabmesh-1')
    await caches.open('tabmesh-2')
    await caches.open('another page’s')
    await keep('tabmesh-3')
    await take('tabmesh-3')
    expect(fake.names).toEqual(['tabmesh-1', 'another page’s', 'tabmesh-3'])
  })

  test('UI8: a version that came and was never used is not the one before', async () => {
    const { fake, keep, uses } = setting()
    await uses('tabmesh-1')
    await keep('tabmesh-2')
    await uses('tabmesh-3')
    expect(fake.names).toEqual(['tabmesh-1', 'tabmesh-3'])
  })

  test('UI8: where the server went back to an earlier version, that one is the one before', async () => {
    const { fake, uses } = setting()
    await uses('tabmesh-1')
    await uses('tabmesh-2')
    await uses('tabmesh-1')
    expect(fake.names).toEqual(['tabmesh-1', 'tabmesh-2'])
    await uses('tabmesh-3')
    expect(fake.names).toEqual(['tabmesh-1', 'tabmesh-3'])
  })

  test('UI8: a file comes from its own version, else from the one before; storage that fails answers nothing', async () => {
    const { fake, caches, uses } = setting()
    await uses('tabmesh-1')
    await uses('tabmesh-2')
    const from = async (name: string, path: string) => (await findKept(caches, name, path))?.text()
    expect(await from('tabmesh-2', FILES[1])).toBe('tabmesh-2')
    expect(await from('tabmesh-0', FILES[1])).toBe('tabmesh-1')
    expect(await from('tabmesh-2', '/assets/b.js')).toBeUndefined()
    fake.isStorageThere = false
    expect(await from('tabmesh-2', FILES[1])).toBeUndefined()
  })
})
