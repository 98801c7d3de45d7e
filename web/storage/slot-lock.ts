import { StoreError } from './errors.ts'

/** How long a reloaded tab waits for its former document to let the slot go. */
const OWN_SLOT_MS = 1_000
const MAX_SLOTS = 64

/** One tab's exclusive right to a slot's key and store; a Web Lock, so that it ends with the document at the latest. */
export interface SlotLock {
  readonly number: number
  release(): void
}

/**
 * The number that this tab had before its reload if it comes free within a second, else the lowest free one. A duplicated
 * tab inherits the number but not the lock, so it ends up with another. A frozen tab keeps its lock.
 */
export async function claimNumber(roomId: string, signal: AbortSignal | undefined): Promise<SlotLock> {
  const key = `tabmesh.slot.${roomId}`
  const former = formerNumber(key)
  const lock =
    (former === undefined ? undefined : await waitForLock(key, former, signal)) ??
    (await lowestFree(key, signal))
  try {
    sessionStorage.setItem(key, String(lock.number))
  } catch {
    // Without session storage a reload takes the lowest free slot, which is nearly always the same.
  }
  return lock
}

function formerNumber(key: string): number | undefined {
  try {
    const text = sessionStorage.getItem(key)
    return text !== null && /^\d{1,2}$/.test(text) ? Number(text) : undefined
  } catch {
    // Refused by the person's settings: nothing is remembered.
    return undefined
  }
}

async function lowestFree(key: string, signal: AbortSignal | undefined): Promise<SlotLock> {
  for (let number = 0; number < MAX_SLOTS; number++) {
    signal?.throwIfAborted()
    const lock = await take(key, number, { ifAvailable: true })
    if (lock) return lock
  }
  throw new StoreError('unavailable', `this browser has ${MAX_SLOTS} tabs in this room: close one`)
}

async function waitForLock(
  key: string,
  number: number,
  signal: AbortSignal | undefined,
): Promise<SlotLock | undefined> {
  const timeout = AbortSignal.timeout(OWN_SLOT_MS)
  try {
    return await take(key, number, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
  } catch (error) {
    signal?.throwIfAborted()
    if (timeout.aborted) return undefined
    throw error
  }
}

/** Undefined when the lock is taken and `ifAvailable` is asked for. */
function take(key: string, number: number, options: LockOptions): Promise<SlotLock | undefined> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`${key}.${number}`, options, (granted) => {
        if (!granted) return resolve(undefined)
        return new Promise<void>((release) => resolve({ number, release }))
      })
      .catch(reject)
  })
}
