import type { PeerId } from '../base/index.ts'
import { JobError, type JobErrorCode } from './job.ts'
import { MAX_OUTPUT_BYTES } from './limits.ts'
import { recordText } from './sandbox/fault.ts'
import type { LongestList } from './sandbox/longest.ts'
import type { GuestFaultCode } from './sandbox/port.ts'
import type { AttemptFailure } from './task.ts'

const CODES: Readonly<Record<GuestFaultCode, JobErrorCode>> = {
  'code-error': 'code-error',
  threw: 'task-failed',
  timeout: 'task-timeout',
  'bad-key': 'bad-key',
  'bad-value': 'bad-value',
  'output-too-large': 'output-too-large',
  'late-emit': 'late-emit',
  'bad-combine': 'bad-combine',
  killed: 'task-failed',
  protocol: 'task-failed',
}

/** Why the job failed, after the attempt that decided it; `tries` is said where it failed for their number. */
export function jobErrorOf(
  peer: PeerId,
  { reason, fault, refusal }: AttemptFailure,
  tries: string | undefined,
): JobError {
  if (refusal === 'leaks') return new JobError('sandbox-leaks', reason, { peer })
  if (!fault) return new JobError('task-failed', tries ? `${reason} (${tries})` : reason, { peer })
  return new JobError(CODES[fault.code], fault.message, { peer, record: fault.record, stack: fault.stack })
}

/** A partition that no task could hold, and what to do about it. */
export function tooLarge(
  partition: number,
  { bytes, bound, longest }: { bytes: number; bound: number; longest?: LongestList | undefined },
): JobError {
  const areLists = bound === MAX_OUTPUT_BYTES
  const what = areLists ? 'lists of values, since there is no reduce' : 'map output'
  const which = longest
    ? ` (most values, ${longest.values} so far, are of key ${recordText(longest.key)})`
    : ''
  return new JobError(
    'output-too-large',
    `partition ${partition} has ${bytes} bytes of ${what}${which}, where ${bound / 2 ** 20} MiB are the most: use ${areLists ? 'a reduce, or a combine and' : 'a combine, or'} more partitions`,
  )
}
