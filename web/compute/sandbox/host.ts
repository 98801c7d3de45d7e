import bootstrapHash from 'virtual:sandbox-bootstrap-hash'
import { abortable } from '../../base/index.ts'
import { SandboxError } from '../errors.ts'
import { Frame, type FrameParts } from './frame.ts'
import { FunctionTextError, jobScript } from './function-text.ts'
import { HostSandbox } from './host-sandbox.ts'
import type { JobCode, Sandbox, SandboxFactory } from './port.ts'
import { ENTRY } from './protocol.ts'

export interface HostOptions {
  /** Its body takes the (invisible) iframes. */
  readonly document: Document
}

/** One for the next job and one for the job after it, which may come before another is made. */
const SPARES = 2

/**
 * Sandboxes in iframes of this page; each serves one job only. Spare frames are made while nothing runs: making one
 * costs as much as a small job, and would slow the one that runs. The first frame's self-test stands for all, since
 * they are the same text under the same policy. A browser whose sandbox leaks stays refused until the page is loaded
 * again.
 */
export function createSandboxFactory({ document }: HostOptions): SandboxFactory {
  // The guest's text is a chunk of its own: nobody waits for it to see the room.
  let parts: Promise<FrameParts> | undefined
  const opened = new Set<Sandbox>()
  /** Those that are opened or about to be. */
  let inUse = 0
  let isClosed = false
  let hasPassed = false
  let leak: unknown
  const spares: Promise<Frame>[] = []
  prepare()

  function prepare(): void {
    const wanted = hasPassed ? SPARES : 1
    while (!isClosed && inUse === 0 && spares.length < wanted) spares.push(spare())
  }

  /** One that fails while nobody waits for it goes: the next job opens its own. */
  function spare(): Promise<Frame> {
    const frame = openFrame()
    frame.catch(() => {
      const at = spares.indexOf(frame)
      if (at >= 0) spares.splice(at, 1)
    })
    return frame
  }

  /** What could not be loaded is asked for again by the next job. */
  async function load(): Promise<FrameParts> {
    parts ??= import('virtual:guest').then(({ default: guest }) => ({ document, guest, bootstrapHash }))
    try {
      return await parts
    } catch (error) {
      parts = undefined
      throw error
    }
  }

  async function openFrame(): Promise<Frame> {
    if (isClosed) throw new SandboxError('closed', 'the sandboxes of this page have ended')
    if (leak !== undefined) throw leak
    try {
      const frame = await Frame.open(await load(), !hasPassed)
      if (!hasPassed) {
        hasPassed = true
        prepare()
      }
      return frame
    } catch (error) {
      if (isLeak(error)) leak = error
      throw error
    }
  }

  /**
   * Sandboxes may share a process: one that ran out of memory took the spares along. A spare whose text could not be
   * fetched says nothing of the next, so a fresh one is tried, once; what has waited for its time is not waited for again.
   */
  async function takeLive(): Promise<Frame> {
    const taken = spares.shift()?.catch((error) => {
      if (error instanceof SandboxError) throw error
      return openFrame()
    })
    const frame = await (taken ?? openFrame())
    if (isClosed || (await frame.isAlive())) return frame
    frame.close()
    return takeLive()
  }

  async function open(code: JobCode, workers: number, signal: AbortSignal): Promise<Sandbox> {
    const script = scriptOf(code)
    const mine = takeLive()
    inUse++
    const release = () => {
      inUse--
      prepare()
    }
    const frame = await abortable(mine, signal).catch((error) => {
      closeWhenOpen(mine)
      release()
      throw error
    })
    const sandbox: Sandbox = new HostSandbox(frame, script, workers, () => {
      opened.delete(sandbox)
      release()
    })
    opened.add(sandbox)
    if (isClosed) sandbox.close()
    return sandbox
  }

  return {
    open,
    close() {
      isClosed = true
      for (const sandbox of [...opened]) sandbox.close()
      for (const spare of spares.splice(0)) closeWhenOpen(spare)
    },
  }
}

function scriptOf(code: JobCode) {
  try {
    return jobScript(code, ENTRY)
  } catch (error) {
    if (!(error instanceof FunctionTextError)) throw error
    throw SandboxError.of({ code: 'code-error', message: error.message })
  }
}

function isLeak(error: unknown): boolean {
  return error instanceof SandboxError && error.code === 'leaks'
}

function closeWhenOpen(frame: Promise<Frame>): void {
  frame.then(
    (one) => one.close(),
    () => undefined,
  )
}
