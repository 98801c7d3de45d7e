import { entriesOf, isCount, isRecord } from '../../base/index.ts'
import { MAX_COUNTER_NAME_CHARS, MAX_COUNTERS } from './counters.ts'
import { parseLongest } from './longest.ts'
import type { GuestFault, GuestFaultCode, GuestResult, GuestTask } from './port.ts'

/** The global that the job's script calls once with its functions; the guest takes it away before any of them runs. */
export const ENTRY = '$tabmesh'

/**
 * Guest to page, as one block of bytes each. `tested` comes once from the worker of the boot self-test; `done` or `failed` once for
 * each `run`. `broken`: something was thrown where nobody catches, on a line of the blob. `spent`: a task has changed what
 * the next would find, so this Worker takes no other.
 */
export type GuestMessage =
  | { readonly verb: 'done'; readonly id: number; readonly result: GuestResult }
  | { readonly verb: 'failed'; readonly id: number; readonly fault: GuestFault }
  | { readonly verb: 'broken'; readonly line: number; readonly fault: GuestFault }
  | { readonly verb: 'spent' }
  | { readonly verb: 'tested'; readonly leaks: readonly string[] }

/** Page to guest, which runs one after another and keeps at most one waiting. */
export interface GuestRun {
  readonly verb: 'run'
  readonly id: number
  readonly task: GuestTask
}

/** Page to bootstrap, over the iframe's control port. */
export type FrameCommand =
  | { readonly verb: 'start'; readonly worker: number; readonly script: string }
  | { readonly verb: 'kill'; readonly worker: number }
  | { readonly verb: 'ping' }

/** Bootstrap to page. `flood`: a worker spoke past its port. `pong`: the frame's process lives. */
export type FrameReport =
  | { readonly verb: 'pong' }
  | { readonly verb: 'error'; readonly worker: number; readonly message: string; readonly line: number }
  | { readonly verb: 'flood'; readonly worker: number }

const FAULT_CODES: ReadonlySet<unknown> = new Set<GuestFaultCode>([
  'code-error',
  'threw',
  'timeout',
  'bad-key',
  'bad-value',
  'output-too-large',
  'late-emit',
  'bad-combine',
  'killed',
  'protocol',
])
const MAX_TEXT_CHARS = 4000
const MAX_RECORD_CHARS = 1000
const MAX_BUCKETS = 256

export function parseResult(value: unknown): GuestResult | undefined {
  if (!isRecord(value)) return undefined
  const { buckets, recordsRead } = value
  if (
    !Array.isArray(buckets) ||
    buckets.length > MAX_BUCKETS ||
    !buckets.every((one) => one instanceof ArrayBuffer)
  )
    return undefined
  if (!isCount(recordsRead)) return undefined
  const counters = parseCounters(value['counters'])
  const longest = parseLongest(value['longest'])
  return counters && { buckets, recordsRead, counters, ...(longest ? { longest } : {}) }
}

export function parseCounters(value: unknown): Record<string, number> | undefined {
  const entries = entriesOf(value, MAX_COUNTERS)
  if (!entries) return undefined
  const counters: Record<string, number> = Object.create(null)
  for (const [name, n] of entries) {
    if (name.length > MAX_COUNTER_NAME_CHARS || typeof n !== 'number' || !Number.isFinite(n)) return undefined
    counters[name] = n
  }
  return counters
}

export function parseFault(value: unknown): GuestFault | undefined {
  if (!isRecord(value)) return undefined
  const { code, message, record, stack } = value
  if (!isFaultCode(code) || typeof message !== 'string') return undefined
  return {
    code,
    message: message.slice(0, MAX_TEXT_CHARS),
    ...(typeof record === 'string' ? { record: record.slice(0, MAX_RECORD_CHARS) } : {}),
    ...(typeof stack === 'string' ? { stack: stack.slice(0, MAX_TEXT_CHARS) } : {}),
  }
}

function isFaultCode(value: unknown): value is GuestFaultCode {
  return FAULT_CODES.has(value)
}
