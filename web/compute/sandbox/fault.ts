import type { GuestFault, GuestFaultCode } from './port.ts'

const MAX_RECORD_CHARS = 1000
const MAX_TEXT_CHARS = 4000

/** A task's own failure on its way out of the guest. */
export class TaskFault extends Error {
  readonly fault: GuestFault

  constructor(code: GuestFaultCode, message: string, details: { record?: string; stack?: string } = {}) {
    super(message)
    this.fault = { code, message: message.slice(0, MAX_TEXT_CHARS), ...details }
  }
}

/** What user code threw, as a fault. Reading it may run user code, so everything it does is guarded. */
export function faultOf(thrown: unknown, record: string | undefined): GuestFault {
  const own = ownFault(thrown)
  const code = own?.code ?? 'threw'
  const message =
    own?.message ??
    textOf(() => (thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)))
  const stack = own?.stack ?? textOf(() => (thrown instanceof Error ? (thrown.stack ?? '') : ''))
  const at = own?.record ?? record
  return { code, message, ...(at === undefined ? {} : { record: at }), ...(stack === '' ? {} : { stack }) }
}

function ownFault(thrown: unknown): GuestFault | undefined {
  try {
    return thrown instanceof TaskFault ? thrown.fault : undefined
  } catch {
    // A proxy that refuses to say what it is: it is not ours.
    return undefined
  }
}

/** A record or key as text for a person, bounded. */
export function recordText(record: unknown): string {
  const text = textOf(() =>
    typeof record === 'string' ? record : (JSON.stringify(record) ?? String(record)),
  )
  return text.slice(0, MAX_RECORD_CHARS)
}

/** A bound as the table of limits has it. */
export function mebibytes(bytes: number): string {
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : `${bytes} bytes`
}

function textOf(read: () => unknown): string {
  try {
    return String(read()).slice(0, MAX_TEXT_CHARS)
  } catch {
    // The thrown value's own getters throw: there is no text to be had.
    return 'an error that cannot be shown'
  }
}
