import { type Clock, delayOf, MAX_TIMER_MS } from './base/index.ts'

interface Timer {
  readonly dueAt: number
  readonly run: () => void
  handle: ReturnType<typeof setTimeout> | undefined
  isInWorker: boolean
}

/** `[id, ms]` plans, `[id]` cancels; each planned one comes back as its id. */
const TIMER_WORKER = `
const handles = new Map()
onmessage = ({ data: [id, ms] }) => {
  clearTimeout(handles.get(id))
  handles.delete(id)
  if (ms !== undefined) handles.set(id, setTimeout(() => { handles.delete(id); postMessage(id) }, ms))
}`

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
    drop(id, timer)
    // It was longer than an engine's timer may be: on to the next part.
    if (timer.dueAt - performance.now() >= 1) return plan(id, timer)
    timers.delete(id)
    timer.run()
  }
  const plan = (id: number, timer: Timer) => {
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, timer.dueAt - performance.now()))
    timer.isInWorker = document.visibilityState === 'hidden' && worker !== undefined
    if (timer.isInWorker) worker?.postMessage([id, ms])
    else timer.handle = setTimeout(fire, ms, id)
  }
  const drop = (id: number, timer: Timer) => {
    clearTimeout(timer.handle)
    if (timer.isInWorker) worker?.postMessage([id])
    timer.isInWorker = false
  }
  const onVisibility = () => {
    if (document.visibilityState === 'hidden') worker ??= createTimerWorker(fire)
    for (const [id, timer] of timers) {
      drop(id, timer)
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
      const dueAt = performance.now() + delayOf(ms)
      if (dueAt === Number.POSITIVE_INFINITY) return () => undefined
      const id = ++lastId
      const timer: Timer = { dueAt, run, handle: undefined, isInWorker: false }
      timers.set(id, timer)
      plan(id, timer)
      return () => {
        if (timers.delete(id)) drop(id, timer)
      }
    },
  }
}

/** A timer that has come back from the worker and was planned anew meanwhile fires once: whoever comes first takes it. */
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
