import { useCallback, useSyncExternalStore } from 'react'
import type { Job, JobSnapshot } from '../node.ts'

/** Tasks, attempts and counters of a job as it runs; undefined while there is none. */
export function useJob<Given extends Job | undefined>(
  job: Given,
): Given extends Job ? JobSnapshot : JobSnapshot | undefined
export function useJob(job: Job | undefined): JobSnapshot | undefined {
  const subscribe = useCallback((listener: () => void) => job?.subscribe(listener) ?? ignore, [job])
  return useSyncExternalStore(subscribe, () => job?.getSnapshot())
}

function ignore(): void {}
