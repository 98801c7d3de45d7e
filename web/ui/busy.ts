import { createObservable } from './observable.ts'

const running = new Set<symbol>()
/** True while a transfer or a job is under way here: the page does not offer to reload then. */
export const isBusy = createObservable(false)

/** Announces work; call what is returned when it has ended. */
export function beginWork(): () => void {
  const work = Symbol('work')
  running.add(work)
  isBusy.set(true)
  return () => {
    running.delete(work)
    if (isBusy.get() !== running.size > 0) isBusy.set(running.size > 0)
  }
}
