import { entriesOf, isCount, isRecord } from '../../base/index.ts'
import { MAX_COUNTER_NAME_CHARS, MAX_COUNTERS } from './counters.ts'
import type { GuestFault, GuestFaultCode, GuestResult, GuestTask } from './port.ts'

/** The global that the job's script calls once with its functions; the guest takes it away before any of them runs. */
export const ENTRY = '$tabmesh'

/** Guest to page. `tested` comes once from the worker of the boot self-test, the others once for each `run`. */
export type GuestMessage =
  | { readonly verb: 'done'; readonly nonce: string; readonly id: number; readonly result: GuestResult }
  | { readonly verb: 'failed'; readonly nonce: string; readonly id: number; readonly fault: GuestFault }
  | { readonly verb: 'tested'; readonly nonce: string; readonly leaks: readonly string[] }

/** Page to guest, which runs one after another and keeps at most one waiting. */
export interface GuestRun {
  readonly verb: 'run'
  readonly id: number
  readonly task: GuestTask
}

/** Page to bootstrap, over the iframe's control port. */
export type FrameCommand =
  | { readonly verb: 'start'; readonly worker: number; readonly script: string; readonly nonce: string }
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
  'killed',
  'protocol',
])
const MAX_TEXT_CHARS = 4000
const MAX_RECORD_CHARS = 1000
const MAX_BUCKETS = 256
const MAX_LEAKS = 32

/** A message that carries this run's nonce and is whole; anything else is undefined, and a reason to kill the worker. */
export function parseGuestMessage(message: unknown, nonce: string): GuestMessage | undefined {
  if (!isRecord(message) || message['nonce'] !== nonce) return undefined
  const { verb, id } = message
  if (verb === 'tested') return parseTested(message, nonce)
  if (typeof id !== 'number') return undefined
  if (verb === 'done') {
    const result = parseResult(message['result'])
    return result && { verb, nonce, id, result }
  }
  if (verb !== 'failed') return undefined
  const fault = parseFault(message['fault'])
  return fault && { verb, nonce, id, fault }
}

function parseTested(message: Readonly<Record<string, unknown>>, nonce: string): GuestMessage | undefined {
  const leaks = message['leaks']
  if (!Array.isArray(leaks) || leaks.length > MAX_LEAKS) return undefined
  return { verb: 'tested', nonce, leaks: leaks.map((leak) => String(leak).slice(0, 100)) }
}

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
  return counters && { buckets, recordsRead, counters }
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
