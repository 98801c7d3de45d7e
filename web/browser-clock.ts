import type { Clock } from './base/index.ts'

interface Timer {
  readonly dueAt: number
  readonly run: () => void
  handle: ReturnType<typeof setTimeout> | undefined
}

const TIMER_WORKER = 'onmessage = ({ data: [id, ms] }) => setTimeout(() => postMessage(id), ms)'

/**
 * The page's clock. A hidden page's own timers fire once a second, later once a minute; a worker's do not, so the timers
 * of a hidden page run in one. Where no worker can be made they stay with the page. `ended` lets the worker go.
 */
export function createBrowserClock(ended: AbortSignal): Clock {
  const timers = new Map<number, Timer>()
  let lastId = 0
  let worker: Worker | undefined

  const fire = (id: number) => {
    const timer = timers.get(id)
    if (!timer) return
    timers.delete(id)
    clearTimeout(timer.handle)
    timer.run()
  }
  const plan = (id: number, timer: Timer) => {
    const ms = Math.max(0, timer.dueAt - performance.now())
    if (document.visibilityState === 'hidden' && worker) worker.postMessage([id, ms])
    else timer.handle = setTimeout(fire, ms, id)
  }
  const onVisibility = () => {
    if (document.visibilityState === 'hidden') worker ??= createTimerWorker(fire)
    for (const [id, timer] of timers) {
      clearTimeout(timer.handle)
      plan(id, timer)
    }
  }
  document.addEventListener('visibilitychange', onVisibility, { signal: ended })
  ended.addEventListener('abort', () => worker?.terminate(), { once: true })
  if (document.visibilityState === 'hidden') worker = createTimerWorker(fire)
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    after(ms, run) {
      const id = ++lastId
      const timer: Timer = { dueAt: performance.now() + ms, run, handle: undefined }
      timers.set(id, timer)
      plan(id, timer)
      return () => {
        timers.delete(id)
        clearTimeout(timer.handle)
      }
    },
  }
}

/** One timer that is both in the worker and in the page fires once: the first to come takes it. */
function createTimerWorker(fire: (id: number) => void): Worker | undefined {
  const url = URL.createObjectURL(new Blob([TIMER_WORKER], { type: 'text/javascript' }))
  try {
    const worker = new Worker(url)
    worker.onmessage = ({ data }: MessageEvent<number>) => fire(data)
    return worker
  } catch {
    // The embedding page's policy forbids it: hidden, this tab is slower.
    return undefined
  } finally {
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
}
