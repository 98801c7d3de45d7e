import { reasonText } from '../../base/index.ts'
import { SandboxError } from '../errors.ts'
import { mebibytes } from './fault.ts'
import type { Frame, FrameWorker } from './frame.ts'
import type { JobScript } from './function-text.ts'
import type { GuestFault, GuestResult, GuestTask, Sandbox } from './port.ts'

interface Run {
  readonly id: number
  readonly task: GuestTask
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly resolve: (result: GuestResult) => void
  readonly reject: (reason: unknown) => void
}

/** A place for one Worker; empty until the first run and after a kill. */
interface Slot {
  worker: FrameWorker | undefined
  run: Run | undefined
  /** Is with the Worker already, which begins it when `run` is over; may have been aborted since. */
  ahead: Run | undefined
  /** Its Worker has answered a task: only then may it say that it is spent. */
  hasAnswered: boolean
  cancelTimer: () => void
}

/**
 * One job's Workers in one frame. A Worker that is late, aborted or out of turn is killed; the next run makes a new one.
 * A Worker that is the only one is given its next map task while it still runs one, since handing over a shard takes
 * milliseconds; of several, the first that is free takes it.
 */
export class HostSandbox implements Sandbox {
  readonly #frame: Frame
  readonly #job: JobScript
  readonly #slots: Slot[]
  readonly #waiting: Run[] = []
  readonly #onClose: () => void
  #nextRun = 1
  #isWatching = false
  #isDead = false
  #isClosed = false

  constructor(frame: Frame, job: JobScript, workers: number, onClose: () => void) {
    this.#frame = frame
    this.#job = job
    this.#onClose = onClose
    this.#slots = Array.from({ length: workers }, () => ({
      worker: undefined,
      run: undefined,
      ahead: undefined,
      hasAnswered: false,
      cancelTimer: () => undefined,
    }))
    for (const slot of this.#slots) this.#start(slot)
  }

  run(
    task: GuestTask,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<GuestResult> {
    if (this.#isClosed) return Promise.reject(new SandboxError('closed', 'the sandbox of this job has ended'))
    if (this.#isDead) return Promise.reject(SandboxError.of(KILLED))
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#abort(run)
      const settle =
        <T>(how: (value: T) => void) =>
        (value: T) => {
          signal.removeEventListener('abort', onAbort)
          how(value)
        }
      const run: Run = {
        id: this.#nextRun++,
        task,
        timeoutMs,
        signal,
        resolve: settle(resolve),
        reject: settle(reject),
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(run)
      this.#fill()
    })
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const runs = this.#takeAll()
    this.#frame.close()
    for (const run of runs) run.reject(new SandboxError('closed', 'the sandbox of this job has ended'))
    this.#onClose()
  }

  #fill(): void {
    if (this.#isClosed || this.#isDead) return
    for (const slot of this.#slots) {
      if (slot.run === undefined) this.#begin(slot, this.#handOver(slot))
    }
    const [only, second] = this.#slots
    if (only && !second && this.#waiting[0]?.task.kind === 'map') only.ahead ??= this.#handOver(only)
  }

  /** The oldest that waits goes to the slot's Worker. A copy: a Worker that is killed takes what it was given along. */
  #handOver(slot: Slot): Run | undefined {
    for (let run = this.#waiting.shift(); run !== undefined; run = this.#waiting.shift()) {
      // Its caller hears of that in a moment.
      if (run.signal.aborted) continue
      try {
        const worker = slot.worker ?? this.#start(slot)
        worker.run({ verb: 'run', id: run.id, task: run.task })
        return run
      } catch (error) {
        // Browsers refuse to copy what they have no memory for.
        run.reject(new SandboxError('unavailable', `the task could not be handed over: ${reasonText(error)}`))
      }
    }
    return undefined
  }

  /** The clock runs from here, so a Worker that never starts ends too. */
  #begin(slot: Slot, run: Run | undefined): void {
    if (run === undefined) return
    slot.run = run
    const timer = setTimeout(() => {
      this.#fail(slot, { code: 'timeout', message: `the task took longer than ${run.timeoutMs} ms` })
    }, run.timeoutMs)
    slot.cancelTimer = () => clearTimeout(timer)
    this.#watch()
  }

  /** While something runs the frame is asked whether it lives. */
  #watch(): void {
    if (this.#isWatching) return
    this.#isWatching = true
    setTimeout(async () => {
      const isIdle = () => this.#isClosed || this.#slots.every((slot) => slot.run === undefined)
      const isWell = isIdle() || (await this.#frame.isAlive()) || this.#isClosed
      this.#isWatching = false
      if (!isWell) this.#die()
      else if (!isIdle()) this.#watch()
    }, WATCH_MS)
  }

  #die(): void {
    this.#isDead = true
    for (const run of this.#takeAll()) run.reject(SandboxError.of(KILLED))
  }

  #start(slot: Slot): FrameWorker {
    const worker = this.#frame.start(this.#job.text, {
      onMessage: (message) => {
        const run = slot.run
        // What says so first has forged it: a new Worker would say so again, for ever.
        if (message.verb === 'spent')
          return slot.hasAnswered ? this.#replace(slot) : this.#fail(slot, OUT_OF_TURN)
        if (run === undefined || message.id !== run.id) return this.#fail(slot, OUT_OF_TURN)
        slot.hasAnswered = true
        if (message.verb === 'failed')
          return this.#settle(slot, () => run.reject(SandboxError.of(message.fault)))
        const bytes = message.result.buckets.reduce((sum, bucket) => sum + bucket.byteLength, 0)
        const bound = run.task.maxOutputBytes
        if (bytes > bound) return this.#fail(slot, tooLarge(bound))
        this.#settle(slot, () => run.resolve(message.result))
      },
      // A slot without a run is filled when the next comes, and that run then meets the same end.
      onBroken: (code, message, line) => this.#fail(slot, { code, message: this.#located(message, line) }),
    })
    slot.worker = worker
    slot.hasAnswered = false
    return worker
  }

  #located(message: string, line: number): string {
    const at = line > 0 ? this.#job.locate(line - this.#frame.scriptLine) : undefined
    return at ? `${message} (${at.name}, line ${at.line})` : message
  }

  #fail(slot: Slot, fault: GuestFault): void {
    this.#empty(slot)?.reject(SandboxError.of(fault))
    this.#fill()
  }

  #settle(slot: Slot, settle: () => void): void {
    const { ahead } = slot
    slot.cancelTimer()
    slot.run = undefined
    if (ahead?.signal.aborted) this.#empty(slot)
    else {
      slot.ahead = undefined
      this.#begin(slot, ahead)
    }
    settle()
    this.#fill()
  }

  /** Its Worker has begun none of what it was given since its last answer. */
  #replace(slot: Slot): void {
    const run = this.#empty(slot)
    if (run) this.#waiting.unshift(run)
    this.#fill()
  }

  #abort(run: Run): void {
    const slot = this.#slots.find((one) => one.run === run)
    if (slot) this.#empty(slot)
    const at = this.#waiting.indexOf(run)
    if (at >= 0) this.#waiting.splice(at, 1)
    run.reject(run.signal.reason)
    this.#fill()
  }

  /** Kills the Worker. What it had ahead waits again; what it ran is the caller's to settle. */
  #empty(slot: Slot): Run | undefined {
    const { run, ahead } = slot
    slot.cancelTimer()
    slot.worker?.kill()
    slot.worker = undefined
    slot.run = undefined
    slot.ahead = undefined
    if (ahead && !ahead.signal.aborted) this.#waiting.unshift(ahead)
    return run
  }

  /** Every run that has not ended, with every Worker killed. */
  #takeAll(): Run[] {
    const running = this.#slots.flatMap((slot) => this.#empty(slot) ?? [])
    return [...running, ...this.#waiting.splice(0)]
  }
}

const WATCH_MS = 1000
const KILLED: GuestFault = {
  code: 'killed',
  message: 'the browser ended the sandbox of this job, most likely because it took too much memory',
}
const OUT_OF_TURN: GuestFault = { code: 'protocol', message: 'the task answered without being asked' }

function tooLarge(bound: number): GuestFault {
  return { code: 'output-too-large', message: `the output of this task is larger than ${mebibytes(bound)}` }
}
