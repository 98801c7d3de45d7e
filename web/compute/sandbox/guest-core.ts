import { forEachRecord } from '../../data/index.ts'
import { decodeValue } from '../../wire/index.ts'
import type { FoldContext, FoldFunction, MapContext, MapFunction } from '../job.ts'
import { decodeGroups, encodePairs } from './bucket.ts'
import { Counters } from './counters.ts'
import { faultOf, recordText, TaskFault } from './fault.ts'
import { Grouping } from './grouping.ts'
import { type Key, sortKeys } from './keys.ts'
import type { GuestFault, GuestResult, GuestTask } from './port.ts'

/** A job's functions, compiled. */
export interface JobFunctions {
  readonly map: MapFunction
  readonly combine?: FoldFunction
  readonly reduce?: FoldFunction
}

export type TaskOutcome =
  | { readonly result: GuestResult; readonly fault?: undefined }
  | { readonly fault: GuestFault; readonly result?: undefined }

type MapTask = Extract<GuestTask, { kind: 'map' }>
type ReduceTask = Extract<GuestTask, { kind: 'reduce' }>

/**
 * Runs one task. Never rejects: what user code throws is in the outcome. Records go one after another, and a function
 * that returns a promise is awaited before the next; one that does not costs no turn of the event loop.
 */
export function runTask(functions: JobFunctions, task: GuestTask): Promise<TaskOutcome> {
  return task.kind === 'map' ? runMap(functions, task) : runReduce(functions, task)
}

async function runMap(functions: JobFunctions, task: MapTask): Promise<TaskOutcome> {
  const first = await mapOnce(functions, task, false)
  // The value that cannot travel is known only when buckets are encoded; a second run checks each and finds its record.
  if (first.fault?.code !== 'bad-value' || first.fault.record !== undefined) return first
  const second = await mapOnce(functions, task, true)
  return second.fault ? second : first
}

async function mapOnce(functions: JobFunctions, task: MapTask, isChecked: boolean): Promise<TaskOutcome> {
  const counters = new Counters()
  const params = decodeValue(new Uint8Array(task.params))
  const count = (name: string, n: number = 1) => counters.add(name, n)
  const fold = foldContext(count, params)
  const grouping = new Grouping(
    functions.combine && ((key, values) => functions.combine?.(key, values, fold)),
    task.maxOutputBytes,
    isChecked,
  )
  const context: MapContext = Object.freeze({
    emit: (key: Key, value: unknown) => grouping.emit(key, value),
    count,
    params,
  })
  const map = functions.map
  let record: unknown
  let recordsRead = 0
  let isReading = true
  function visit(next: unknown): void | Promise<void> {
    record = next
    recordsRead++
    const returned = map(next, context)
    if (isPromise(returned)) return finishRecord(returned)
    if (grouping.isCrowded) return grouping.foldEarly()
  }
  async function finishRecord(returned: PromiseLike<unknown>): Promise<void> {
    await returned
    if (grouping.isCrowded) await grouping.foldEarly()
  }
  try {
    await forEachRecord(new Uint8Array(task.bytes), task.format, visit)
    isReading = false
    const buckets = await grouping.buckets(task.partitions)
    return { result: { buckets, recordsRead, counters: Object.fromEntries(counters.entries()) } }
  } catch (error) {
    return { fault: faultOf(error, isReading && recordsRead > 0 ? recordText(record) : undefined) }
  } finally {
    grouping.end()
  }
}

async function runReduce(functions: JobFunctions, task: ReduceTask): Promise<TaskOutcome> {
  const counters = new Counters()
  const fold = foldContext((name, n = 1) => counters.add(name, n), decodeValue(new Uint8Array(task.params)))
  let current: Key | undefined
  try {
    const groups = mergeBuckets(task.buckets)
    const pairs: [Key, unknown][] = []
    for (const key of sortKeys([...groups.keys()])) {
      current = key
      const values = groups.get(key) as unknown[]
      const reduced = functions.reduce ? functions.reduce(key, values, fold) : values
      pairs.push([key, isPromise(reduced) ? await reduced : reduced])
    }
    current = undefined
    const bucket = encodeResult(pairs, task.maxOutputBytes)
    return {
      result: {
        buckets: [bucket],
        recordsRead: groups.size,
        counters: Object.fromEntries(counters.entries()),
      },
    }
  } catch (error) {
    return { fault: faultOf(error, current === undefined ? undefined : recordText(current)) }
  }
}

/** Values of a key stay in the order of the buckets, which is the order of the shards. */
function mergeBuckets(buckets: readonly ArrayBuffer[]): Map<Key, unknown[]> {
  const groups = new Map<Key, unknown[]>()
  for (const bucket of buckets) {
    for (const [key, values] of decodeGroups(bucket)) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, values)
      else for (const value of values) group.push(value)
    }
  }
  return groups
}

function encodeResult(pairs: readonly (readonly [Key, unknown])[], maxBytes: number): ArrayBuffer {
  let bytes: ArrayBuffer
  try {
    bytes = encodePairs(pairs)
  } catch (error) {
    throw badPair(pairs) ?? error
  }
  if (bytes.byteLength > maxBytes)
    throw new TaskFault('output-too-large', `the result of this task is larger than ${maxBytes} bytes`)
  return bytes
}

function badPair(pairs: readonly (readonly [Key, unknown])[]): TaskFault | undefined {
  for (const pair of pairs) {
    try {
      encodePairs([pair])
    } catch (error) {
      const why = error instanceof Error ? error.message : 'it cannot be encoded'
      return new TaskFault('bad-value', `the value of key ${recordText(pair[0])} cannot travel: ${why}`, {
        record: recordText(pair[0]),
      })
    }
  }
  return undefined
}

function foldContext(count: (name: string, n?: number) => void, params: unknown): FoldContext {
  return Object.freeze({ count, params })
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
