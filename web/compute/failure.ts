import type { PeerId } from '../base/index.ts'
import { JobError, type JobErrorCode } from './job.ts'
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

/** Why the job failed, after the attempt that decided it. */
export function jobErrorOf(peer: PeerId, { reason, fault, refusal }: AttemptFailure): JobError {
  if (refusal === 'leaks') return new JobError('sandbox-leaks', reason, { peer })
  if (!fault) return new JobError('task-failed', reason, { peer })
  return new JobError(CODES[fault.code], fault.message, { peer, record: fault.record, stack: fault.stack })
}
