import type { JobSnapshot } from '../../compute/index.ts'
import { useNow } from '../hooks.ts'

const TICK_MS = 500

export function isRunning({ state }: JobSnapshot): boolean {
  return state === 'waiting' || state === 'mapping' || state === 'reducing'
}

/** Goes on between two snapshots while the job runs. */
export function useElapsedMs(snapshot: JobSnapshot): number {
  const now = useNow(isRunning(snapshot) ? TICK_MS : undefined)
  return isRunning(snapshot) ? Math.max(snapshot.elapsedMs, now - snapshot.startedAt) : snapshot.elapsedMs
}
