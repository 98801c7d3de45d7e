import { abortable, type PeerId } from '../base/index.ts'
import { ComputeError, SandboxError } from './errors.ts'
import { MAX_KEPT_BYTES } from './limits.ts'
import type { FetchRequest, JobSpec } from './messages.ts'
import type { GuestResult, GuestTask, Sandbox, SandboxFactory } from './sandbox/port.ts'

/** What all jobs on this peer share. */
export interface HostedShare {
  keptBytes: number
}

/** One job as a worker peer has it: its sandbox, the output it keeps, and the end of both. */
export class HostedJob {
  readonly spec: JobSpec
  readonly submitter: PeerId
  /** Attempts that run or wait here. */
  attempts = 0
  /** Clock time of the last request. */
  lastHeardMs: number
  readonly #share: HostedShare
  readonly #sandbox: Promise<Sandbox>
  readonly #ending = new AbortController()
  readonly #outputs = new Map<string, readonly ArrayBuffer[]>()
  #keptBytes = 0

  constructor(
    submitter: PeerId,
    spec: JobSpec,
    options: {
      sandboxes: SandboxFactory
      slots: number
      share: HostedShare
      nowMs: number
      /** Nothing runs before it resolves; what it rejects with is why nothing will. */
      allowed: Promise<void>
    },
  ) {
    this.submitter = submitter
    this.spec = spec
    this.lastHeardMs = options.nowMs
    this.#share = options.share
    // Opening runs the job's text already.
    this.#sandbox = options.allowed.then(() =>
      options.sandboxes.open(spec.code, options.slots, this.#ending.signal),
    )
    this.#sandbox.catch(() => {
      // Each attempt hears of it.
    })
  }

  /** Aborts when the job has ended here. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** Resolves when there is a sandbox; rejects with SandboxError `leaks` or `unavailable`. A fault of the code is told by each attempt. */
  async ready(): Promise<void> {
    try {
      await this.#sandbox
    } catch (error) {
      if (!(error instanceof SandboxError && error.fault)) throw error
    }
  }

  async run(task: GuestTask, signal: AbortSignal): Promise<GuestResult> {
    const sandbox = await abortable(this.#sandbox, signal)
    return sandbox.run(task, { timeoutMs: this.spec.taskTimeoutMs, signal })
  }

  /** Throws a ComputeError `too-large` when this peer keeps as much as it can. */
  keep(stage: 'map' | 'reduce', task: number, attempt: number, buckets: readonly ArrayBuffer[]): void {
    const bytes = buckets.reduce((sum, bucket) => sum + bucket.byteLength, 0)
    if (this.#share.keptBytes + bytes > MAX_KEPT_BYTES)
      throw new ComputeError(
        'too-large',
        `this peer keeps as much task output as it can (${MAX_KEPT_BYTES / 2 ** 20} MiB)`,
      )
    this.#ending.signal.throwIfAborted()
    this.#outputs.set(`${stage}/${task}/${attempt}`, buckets)
    this.#keptBytes += bytes
    this.#share.keptBytes += bytes
  }

  output({ stage, task, attempt, bucket }: FetchRequest): ArrayBuffer | undefined {
    return this.#outputs.get(`${stage}/${task}/${attempt}`)?.[bucket]
  }

  end(reason: ComputeError): void {
    if (this.#ending.signal.aborted) return
    this.#ending.abort(reason)
    this.#outputs.clear()
    this.#share.keptBytes -= this.#keptBytes
    this.#sandbox.then(
      (sandbox) => sandbox.close(),
      () => undefined,
    )
  }
}
