import { compileSelector } from '../../web/messaging/selector/index.ts'
import { serve } from './page.ts'

const RECORD_BYTES = 1024
const BATCH = 500

serve({ writeRelaxed, writeStrict, evaluate })

/** Records of 1 KiB a second, 500 a relaxed transaction. */
async function writeRelaxed(count: number): Promise<number> {
  const database = await open()
  const startedMs = performance.now()
  for (let first = 0; first < count; first += BATCH)
    await put(database, first, Math.min(BATCH, count - first), 'relaxed')
  const elapsedMs = performance.now() - startedMs
  database.close()
  return count / (elapsedMs / 1000)
}

/** Milliseconds of each strict transaction of one record. */
async function writeStrict(count: number): Promise<number[]> {
  const database = await open()
  const times: number[] = []
  for (let n = 0; n < count; n++) {
    const startedMs = performance.now()
    await put(database, n, 1, 'strict')
    times.push(performance.now() - startedMs)
  }
  database.close()
  return times
}

/** Evaluations a second of a selector of every kind of condition, over messages that differ. */
function evaluate(count: number): number {
  const selector = compileSelector(
    "region IN ('eu', 'us') AND weight BETWEEN 10 AND 90 AND (name LIKE 'order-%' OR AMQPriority > 6) AND missing IS NULL",
  )
  const subjects = Array.from({ length: 64 }, (_, n) => ({
    headers: { region: n % 3 === 0 ? 'asia' : 'eu', weight: n * 2, name: `order-${n}` },
    ...{
      priority: n % 10,
      expiresAt: 0,
      isDurable: true,
      sentAt: n,
      size: 1024,
      from: 'peer',
      address: 'orders',
      group: undefined,
    },
  }))
  let matched = 0
  const startedMs = performance.now()
  for (let n = 0; n < count; n++) if (selector.matches(subjects[n % 64] as never)) matched++
  const elapsedMs = performance.now() - startedMs
  if (matched === 0 || matched === count) throw new Error('the selector says always the same')
  return count / (elapsedMs / 1000)
}

async function open(): Promise<IDBDatabase> {
  await new Promise((resolve) => {
    indexedDB.deleteDatabase('baseline').onsuccess = resolve
  })
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('baseline')
    request.onupgradeneeded = () => request.result.createObjectStore('records')
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

function put(
  database: IDBDatabase,
  first: number,
  count: number,
  durability: 'relaxed' | 'strict',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction('records', 'readwrite', { durability })
    const records = transaction.objectStore('records')
    for (let n = first; n < first + count; n++) records.put(new Uint8Array(RECORD_BYTES).fill(n), n)
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })
}
