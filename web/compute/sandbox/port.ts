import type { DatasetFormat } from '../../data/index.ts'
import type { LongestList } from './longest.ts'

/** A job's functions as source text: arrow, function or method form. */
export interface JobCode {
  readonly map: string
  readonly combine?: string
  readonly reduce?: string
}

export type GuestTask =
  | {
      readonly kind: 'map'
      readonly bytes: ArrayBuffer
      readonly format: DatasetFormat
      readonly partitions: number
      readonly params: Uint8Array
      readonly maxOutputBytes: number
    }
  | {
      readonly kind: 'reduce'
      /** One encoded bucket for each map task, in shard order. */
      readonly buckets: readonly ArrayBuffer[]
      readonly params: Uint8Array
      readonly maxOutputBytes: number
    }

export interface GuestResult {
  /** Map: one encoded bucket for each partition. Reduce: one, the sorted pairs. */
  readonly buckets: readonly ArrayBuffer[]
  readonly recordsRead: number
  readonly counters: Readonly<Record<string, number>>
  /** Of a map task, where lists are the result. */
  readonly longest?: LongestList
}

export type GuestFaultCode =
  | 'code-error'
  | 'threw'
  | 'timeout'
  | 'bad-key'
  | 'bad-value'
  | 'output-too-large'
  | 'late-emit'
  | 'bad-combine'
  | 'killed'
  | 'protocol'
/** Why a task failed inside, told by untrusted code: every text is bounded to 4,000 characters. */
export type GuestFault = {
  readonly code: GuestFaultCode
  readonly message: string
  readonly record?: string
  readonly stack?: string
}

/** One job's sandbox on this peer. Never serves a second job. */
export interface Sandbox {
  /** One task at a time for each worker, in the order of the calls. Rejects with a SandboxError carrying a GuestFault, or with `signal.reason` (the worker is killed and replaced). */
  run(
    task: GuestTask,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<GuestResult>
  /** Kills everything. Idempotent. */
  close(): void
}

/** Makes sandboxes. Adapters: `host.ts` (iframe and Worker, browsers) and `memory.ts` (in process, for simulation: isolates nothing). */
export interface SandboxFactory {
  /** `workers`: tasks that may run at once. Rejects with SandboxError `leaks` when the boot self-test found a way out. */
  open(code: JobCode, workers: number, signal: AbortSignal): Promise<Sandbox>
  close(): void
}
