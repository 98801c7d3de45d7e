import type { Clock } from './clock.ts'
import { TabmeshError } from './errors.ts'

/** A wait that ran out of time. `code` is always `timeout`. */
export class TimeoutError extends TabmeshError<'timeout'> {
  constructor(what: string, ms: number) {
    super('timeout', `${what} took longer than ${ms} ms`)
  }
}

/** Settles as `work` does, or rejects with `signal.reason`. Ends the wait only, never the work. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  if (signal.aborted) {
    work.catch(() => {
      // The caller has stopped waiting; whoever owns the work reports its failure.
    })
    return Promise.reject(signal.reason)
  }
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Runs `work` with a signal that aborts with a {@link TimeoutError} after `ms`, or with `signal`; rejects at that moment. */
export async function withTimeout<T>(
  clock: Clock,
  what: string,
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const controller = new AbortController()
  const onAbort = () => controller.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const cancel = clock.after(ms, () => controller.abort(new TimeoutError(what, ms)))
  try {
    return await abortable(work(controller.signal), controller.signal)
  } finally {
    cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Resolves after `ms`; rejects with `signal.reason` if that aborts first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    function onAbort() {
      cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
