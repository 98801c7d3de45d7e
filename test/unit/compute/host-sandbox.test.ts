import { describe, expect, test } from 'vitest'
import type { SandboxError } from '../../../web/compute/errors.ts'
import type { Frame, FrameWorker, WorkerHandlers } from '../../../web/compute/sandbox/frame.ts'
import { HostSandbox } from '../../../web/compute/sandbox/host-sandbox.ts'
import type { GuestResult, GuestTask } from '../../../web/compute/sandbox/port.ts'

/** A Worker that does what the test says, one run after another. */
class FakeWorker implements FrameWorker {
  readonly handed: number[] = []
  isDead = false
  readonly #handlers: WorkerHandlers
  readonly #refuses: () => boolean

  constructor(handlers: WorkerHandlers, refuses: () => boolean) {
    this.#handlers = handlers
    this.#refuses = refuses
  }

  run({ id }: { id: number }): void {
    if (this.#refuses()) throw new Error('out of memory')
    this.handed.push(id)
  }

  kill(): void {
    this.isDead = true
  }

  /** Answers the run that was handed over as the `n`th, counted from 0. */
  answers(n: number): void {
    const id = this.handed[n] as number
    this.#handlers.onMessage({ verb: 'done', id, result: resultOf(id) })
  }

  spends(): void {
    this.#handlers.onMessage({ verb: 'spent' })
  }

  breaks(): void {
    this.isDead = true
    this.#handlers.onBroken('threw', 'it broke', 0)
  }
}

class FakeFrame {
  readonly scriptLine = 0
  readonly workers: FakeWorker[] = []
  isClosed = false
  refuses = false

  start(_script: string, handlers: WorkerHandlers): FakeWorker {
    const worker = new FakeWorker(handlers, () => this.refuses)
    this.workers.push(worker)
    return worker
  }

  isAlive(): Promise<boolean> {
    return Promise.resolve(true)
  }

  close(): void {
    this.isClosed = true
  }

  worker(n: number): FakeWorker {
    return this.workers[n] as FakeWorker
  }
}

const MAP: GuestTask = {
  kind: 'map',
  bytes: new ArrayBuffer(0),
  format: { kind: 'text' },
  partitions: 1,
  params: new Uint8Array(),
  maxOutputBytes: 100,
}
const REDUCE: GuestTask = { kind: 'reduce', buckets: [], params: new Uint8Array(), maxOutputBytes: 100 }

function resultOf(id: number): GuestResult {
  return { buckets: [], recordsRead: id, counters: {} }
}

function open(workers = 1) {
  const frame = new FakeFrame()
  const closes: number[] = []
  const job = { text: '', locate: () => undefined }
  const sandbox = new HostSandbox(frame as unknown as Frame, job, workers, () => closes.push(1))
  const run = (task: GuestTask = MAP, signal = new AbortController().signal, timeoutMs = 60_000) =>
    sandbox.run(task, { timeoutMs, signal }).then(
      ({ recordsRead }) => recordsRead,
      (error: SandboxError) => error.code ?? error.message,
    )
  return { frame, sandbox, run, closes }
}

describe('the workers of a sandbox', () => {
  test('SBX9: one that says it is spent before it has answered ends its task; after an answer it is replaced', async () => {
    const { frame, run } = open()
    const forged = run()
    frame.worker(0).spends()
    expect(await forged).toBe('protocol')
    const runs = [run(), run()]
    frame.worker(1).answers(0)
    frame.worker(1).spends()
    // What it had ahead begins anew, once.
    expect(frame.worker(2).handed).toEqual([3])
    frame.worker(2).spends()
    expect(await Promise.all(runs)).toEqual([2, 'protocol'])
  })

  test('SBX22: one that is alone has its next map task before it ends one, and no more', async () => {
    const { frame, run } = open()
    const runs = [run(), run(), run()]
    expect(frame.worker(0).handed).toEqual([1, 2])
    frame.worker(0).answers(0)
    expect(frame.worker(0).handed).toEqual([1, 2, 3])
    frame.worker(0).answers(1)
    frame.worker(0).answers(2)
    expect(await Promise.all(runs)).toEqual([1, 2, 3])
    expect(frame.workers).toHaveLength(1)
  })

  test('SBX22: of several, the first that is free takes the next', async () => {
    const { frame, run } = open(2)
    const runs = [run(), run(), run()]
    expect([frame.worker(0).handed, frame.worker(1).handed]).toEqual([[1], [2]])
    frame.worker(1).answers(0)
    expect(frame.worker(1).handed).toEqual([2, 3])
    frame.worker(1).answers(1)
    frame.worker(0).answers(0)
    expect(await Promise.all(runs)).toEqual([1, 2, 3])
  })

  test('reduce tasks, which are large, wait in the page', () => {
    const { frame, run } = open()
    void run(REDUCE)
    void run(REDUCE)
    expect(frame.worker(0).handed).toEqual([1])
  })

  test('what a killed worker had ahead goes to the next one', async () => {
    const { frame, run } = open()
    const controller = new AbortController()
    const runs = [run(MAP, controller.signal), run()]
    controller.abort(new Error('given up'))
    expect(await runs[0]).toBe('given up')
    expect(frame.worker(0).isDead).toBe(true)
    expect(frame.worker(1).handed).toEqual([2])
    frame.worker(1).answers(0)
    expect(await runs[1]).toBe(2)
  })

  test('one that was given up while ahead never counts: its worker ends with the run before', async () => {
    const { frame, run } = open()
    const controller = new AbortController()
    const runs = [run(), run(MAP, controller.signal), run()]
    controller.abort(new Error('given up'))
    expect(await runs[1]).toBe('given up')
    expect(frame.worker(0).isDead).toBe(false)
    frame.worker(0).answers(0)
    expect(await runs[0]).toBe(1)
    expect(frame.worker(0).isDead).toBe(true)
    expect(frame.worker(1).handed).toEqual([3])
    frame.worker(1).answers(0)
    expect(await runs[2]).toBe(3)
  })

  test('a job that is cancelled starts no worker again', async () => {
    const { frame, run } = open()
    const controller = new AbortController()
    const runs = [run(MAP, controller.signal), run(MAP, controller.signal), run(MAP, controller.signal)]
    controller.abort(new Error('cancelled'))
    expect(await Promise.all(runs)).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect(frame.workers).toHaveLength(1)
  })

  test('the time limit of a task that was ahead begins with its turn', async () => {
    const { frame, run } = open()
    const first = run()
    const second = run(MAP, new AbortController().signal, 1)
    frame.worker(0).answers(0)
    expect(await first).toBe(1)
    expect(await second).toBe('timeout')
    expect(frame.worker(0).isDead).toBe(true)
  })

  test('an answer out of turn ends the worker and fails the run; the one ahead gets another worker', async () => {
    const { frame, run } = open()
    const runs = [run(), run()]
    frame.worker(0).answers(1)
    expect(await runs[0]).toBe('protocol')
    expect(frame.worker(1).handed).toEqual([2])
    frame.worker(1).answers(0)
    expect(await runs[1]).toBe(2)
  })

  test('a worker that breaks fails its run, and one that breaks idle is made anew', async () => {
    const { frame, run } = open()
    frame.worker(0).breaks()
    const broken = run()
    frame.worker(1).breaks()
    expect(await broken).toBe('threw')
  })

  test('what the browser cannot hand over fails, and the next is tried', async () => {
    const { frame, run } = open()
    frame.refuses = true
    expect(await run()).toBe('unavailable')
    frame.refuses = false
    const next = run()
    frame.worker(0).answers(0)
    expect(await next).toBe(2)
  })

  test('closing ends every run and the frame, once', async () => {
    const { frame, sandbox, run, closes } = open()
    const runs = [run(), run(), run()]
    sandbox.close()
    sandbox.close()
    expect(await Promise.all(runs)).toEqual(['closed', 'closed', 'closed'])
    expect(frame.isClosed).toBe(true)
    expect(closes).toEqual([1])
    expect(await run()).toBe('closed')
  })
})
