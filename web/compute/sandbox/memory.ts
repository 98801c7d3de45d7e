import { abortable, type Clock, TimeoutError, withTimeout } from '../../base/index.ts'
import { SandboxError } from '../errors.ts'
import { Gate } from '../gate.ts'
import { type JobFunctions, runTask } from './guest-core.ts'
import type { JobCode, SandboxFactory } from './port.ts'

export interface MemorySandboxOptions {
  readonly clock: Clock
  /** Turns source texts into functions; throws for text that is none. It comes from the test, since layers never compile text. */
  readonly compile: (code: JobCode) => JobFunctions
  /** Virtual time that a task takes; default none. */
  readonly taskMs?: () => number
}

/**
 * Runs tasks in this very realm, for simulation: it isolates nothing and cannot end a task that never returns.
 * The time limit and the signal end the wait.
 */
export function createMemorySandboxFactory({ clock, compile, taskMs }: MemorySandboxOptions): SandboxFactory {
  let isClosed = false
  return {
    async open(code, workers, signal) {
      signal.throwIfAborted()
      const closing = new AbortController()
      const gate = new Gate(workers)
      return {
        run(task, options) {
          if (isClosed || closing.signal.aborted) return Promise.reject(closed())
          const ended = AbortSignal.any([options.signal, closing.signal])
          return gate.run(ended, async () => {
            const functions = compiled(compile, code)
            const outcome = await withTimeout(clock, 'the task', options.timeoutMs, ended, async () => {
              const ms = taskMs?.() ?? 0
              if (ms > 0) await abortable(new Promise<void>((resolve) => clock.after(ms, resolve)), ended)
              const again = () => compiled(compile, code)
              return await runTask(functions, task, { settle: () => settle(clock), again })
            }).catch(asTimeout)
            if (outcome.fault) throw SandboxError.of(outcome.fault)
            return outcome.result
          })
        },
        close: () => closing.abort(closed()),
      }
    },
    close() {
      isClosed = true
    },
  }
}

/** What is not awaited runs before a timer does. */
function settle(clock: Clock): Promise<undefined> {
  return new Promise((resolve) => void clock.after(0, () => resolve(undefined)))
}

function compiled(compile: MemorySandboxOptions['compile'], code: JobCode): JobFunctions {
  try {
    return compile(code)
  } catch (error) {
    throw SandboxError.of({
      code: 'code-error',
      message: error instanceof Error ? error.message : String(error),
    })
  }
}

function asTimeout(error: unknown): never {
  if (error instanceof TimeoutError) throw SandboxError.of({ code: 'timeout', message: error.message })
  throw error
}

function closed(): SandboxError {
  return new SandboxError('closed', 'the sandbox of this job has ended')
}
