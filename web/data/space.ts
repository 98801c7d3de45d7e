import type { DataContext } from './context.ts'
import { DataError } from './errors.ts'

/**
 * Throws `quota` when a file of this size cannot fit: what this device would hold of it at least is more than its browser
 * says is free. A browser that does not say is tried.
 */
export async function assertSpace(
  context: DataContext,
  fileBytes: number,
  replicas: number | 'default',
): Promise<void> {
  const usage = await context.usage().catch(() => undefined)
  if (!usage) return
  const needed = fileBytes * leastCopiesHere(context, replicas)
  const free = Math.max(0, usage.quotaBytes - usage.usedBytes)
  if (needed <= free) return
  throw new DataError(
    'quota',
    `this device has no space for the file: it would hold ${megabytes(needed)} of it and has ${megabytes(free)} free. ` +
      'Free some, drop a dataset or invite another device',
  )
}

/** Copies of every shard that the tabs of this device hold, whichever owners the shards get: those that no other takes. */
function leastCopiesHere({ room, roster, intake }: DataContext, replicas: number | 'default'): number {
  const takers = roster.members.filter(({ capacity, isSelf }) => (isSelf ? intake.isOpen : capacity > 0))
  const elsewhere = takers.filter(({ deviceId }) => deviceId !== room.self.deviceId).length
  return Math.max(0, Math.min(roster.replicasOf(replicas), takers.length) - elsewhere)
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
