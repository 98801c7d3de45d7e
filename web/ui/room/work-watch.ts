import { useEffect } from 'react'
import { beginWork } from '../busy.ts'
import { useNode } from '../hooks.ts'
import { useRoomState } from './room-state.ts'

/** Tells the update bar while files are added, own jobs run or others' tasks run here. */
export function useWorkWatch(): void {
  const { jobs } = useNode()
  const { imports } = useRoomState()
  useEffect(() => {
    let end: (() => void) | undefined
    const watched = new Map<string, () => void>()
    const check = () => {
      for (const job of jobs.list()) if (!watched.has(job.id)) watched.set(job.id, job.subscribe(check))
      const isOwnRunning = jobs
        .list()
        .some((job) => ['waiting', 'mapping', 'reducing'].includes(job.getSnapshot().state))
      const isWorking = imports.isBusy() || isOwnRunning || jobs.running().length > 0
      if (isWorking && end === undefined) end = beginWork()
      if (!isWorking && end !== undefined) {
        end()
        end = undefined
      }
    }
    const stops = [jobs.subscribe(check), imports.all.subscribe(check)]
    check()
    return () => {
      for (const stop of [...stops, ...watched.values()]) stop()
      end?.()
    }
  }, [jobs, imports])
}
