/** Kept beside a build's files: its place in the order in which builds were in use. No request of the page has this path. */
const USE = '/in-use'
const EMPTY = -1

/**
 * All files of a build, or nothing of it: rejects where one does not come. A build that was kept before stays, also where
 * only its service worker is another.
 */
export async function keepBuild(caches: CacheStorage, name: string, files: readonly string[]): Promise<void> {
  const isNew = await isEmpty(caches, name)
  const cache = await caches.open(name)
  try {
    await cache.addAll(files.map((path) => new Request(path, { cache: 'reload' })))
  } catch (error) {
    if (isNew) await caches.delete(name)
    throw error
  }
}

/**
 * Marks this build as the one in use, and of all others keeps the one that was in use before it, which another tab may
 * still run. A build that came and was never used is none, and neither is an empty cache: its browser was closed while it
 * was filled.
 */
export async function takeOver(caches: CacheStorage, prefix: string, current: string): Promise<void> {
  const others = (await caches.keys()).filter((name) => name.startsWith(prefix) && name !== current)
  const uses = await Promise.all(others.map(async (name) => ({ name, use: await readUse(caches, name) })))
  const full = uses.filter(({ use }) => use !== EMPTY)
  const last = Math.max(0, ...full.map(({ use }) => use))
  const before = full.findLast(({ use }) => use === last)?.name
  await (await caches.open(current)).put(USE, new Response(String(last + 1)))
  await Promise.all(others.filter((name) => name !== before).map((name) => caches.delete(name)))
}

/**
 * The file as this build has it, else as another does. Undefined where none has it, and where the browser's storage
 * fails: then the server is asked, which may be there.
 */
export async function findKept(
  caches: CacheStorage,
  current: string,
  path: string,
): Promise<Response | undefined> {
  try {
    const own = await (await caches.open(current)).match(path)
    return own ?? (await caches.match(path))
  } catch {
    return undefined
  }
}

/** How manieth of the builds in use this one was: 0 where it never was, or where its worker did not mark it yet. */
async function readUse(caches: CacheStorage, name: string): Promise<number> {
  if (await isEmpty(caches, name)) return EMPTY
  const mark = await (await caches.open(name)).match(USE)
  return mark === undefined ? 0 : Number(await mark.text())
}

async function isEmpty(caches: CacheStorage, name: string): Promise<boolean> {
  return !(await caches.has(name)) || (await (await caches.open(name)).keys()).length === 0
}
