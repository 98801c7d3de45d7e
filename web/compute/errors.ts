import { TabmeshError } from '../base/index.ts'
import type { GuestFault, GuestFaultCode } from './sandbox/port.ts'

/** `leaks`: the boot self-test found a way out. `closed`: the sandbox has ended. `unavailable`: the page cannot make one. */
export type SandboxErrorCode = GuestFaultCode | 'leaks' | 'closed' | 'unavailable'

/** Why a sandbox did not give a result; `fault` is set when the task itself failed. */
export class SandboxError extends TabmeshError<SandboxErrorCode> {
  readonly fault: GuestFault | undefined

  constructor(code: SandboxErrorCode, message: string, fault?: GuestFault) {
    super(code, message)
    this.fault = fault
  }

  static of(fault: GuestFault): SandboxError {
    return new SandboxError(fault.code, fault.message, fault)
  }
}

/**
 * Between peers of a job. `refused`: this peer takes no work, or not more from this submitter. `no-such-job`: it has
 * ended here. `input-lost`: a reduce could not fetch a bucket. `unreadable`: the shard could not be read or fetched.
 * `bad-message`: the request broke the protocol. `too-large`: it would keep more map output than its bound.
 */
export type ComputeErrorCode =
  | 'refused'
  | 'no-such-job'
  | 'input-lost'
  | 'unreadable'
  | 'bad-message'
  | 'too-large'
  | 'leaks'
  | 'closed'

export class ComputeError extends TabmeshError<ComputeErrorCode> {}
