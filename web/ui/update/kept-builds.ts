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
 * Of all builds this one stays, and the one that was kept before it, which another tab may still run. An empty cache is
 * none: its browser was closed while it was filled.
 */
export async function dropOldBuilds(caches: CacheStorage, prefix: string, current: string): Promise<void> {
  const others = (await caches.keys()).filter((name) => name.startsWith(prefix) && name !== current)
  const empty = await Promise.all(others.map((name) => isEmpty(caches, name)))
  const before = others.findLast((_, at) => !empty[at])
  await Promise.all(others.filter((name) => name !== before).map((name) => caches.delete(name)))
}

async function isEmpty(caches: CacheStorage, name: string): Promise<boolean> {
  return !(await caches.has(name)) || (await (await caches.open(name)).keys()).length === 0
}
