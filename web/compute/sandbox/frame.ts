import { SandboxError } from '../errors.ts'
import { AnswerReader } from './answer.ts'
import bootstrap from './bootstrap.js?raw'
import { ENTRY, type FrameCommand, type FrameReport, type GuestMessage, type GuestRun } from './protocol.ts'

/** Less than what a submitter waits for a job's opening. */
const LOAD_MS = 15_000
const SELF_TEST_MS = 10_000
const PONG_MS = 2000
/** A page that was frozen may find its timers before its messages. */
const PONG_GRACE_MS = 1000

type BreakCode = 'protocol' | 'code-error' | 'threw'

/** What happens to one worker of a frame. `onBroken` is called at most once, and nothing after it. */
export interface WorkerHandlers {
  onMessage(message: Exclude<GuestMessage, { verb: 'tested' | 'broken' }>): void
  /**
   * It spoke out of turn (`protocol`), its script does not parse (`code-error`), or something was thrown where nobody
   * catches (`threw`), such as in a timer. `line` is the blob's, from 1; 0 where the browser does not say.
   */
  onBroken(code: BreakCode, message: string, line: number): void
}

/** One worker of a frame: its port, and the way to end it. */
export interface FrameWorker {
  run(run: GuestRun): void
  kill(): void
}

/** What the frame needs of its page. */
export interface FrameParts {
  readonly document: Document
  /** The text of `sandbox-bootstrap`'s CSP source, `sha256-...`. */
  readonly bootstrapHash: string
  /** The guest as one script. */
  readonly guest: string
}

/** A sandboxed iframe of opaque origin that makes Workers. Nothing of a task passes through its document. */
export class Frame {
  /** The job's script starts on this line of a worker's blob, counted from 0. */
  readonly scriptLine: number
  readonly #element: HTMLIFrameElement
  readonly #control: MessagePort
  readonly #workers = new Map<number, { port: MessagePort; handlers: WorkerHandlers }>()
  readonly #asking = new Set<(isAlive: boolean) => void>()
  #nextWorker = 1
  #isClosed = false

  private constructor(parts: FrameParts, element: HTMLIFrameElement, control: MessagePort) {
    this.scriptLine = parts.guest.split('\n').length
    this.#element = element
    this.#control = control
    control.onmessage = (event) => this.#onReport(event.data)
  }

  /** Rejects with SandboxError `unavailable`, and with `leaks` when it `isTested` and the self-test found a way out. */
  static async open(parts: FrameParts, isTested: boolean): Promise<Frame> {
    const element = createElement(parts)
    const { port1, port2 } = new MessageChannel()
    const frame = new Frame(parts, element, port1)
    try {
      await loaded(element, parts.document)
      element.contentWindow?.postMessage(parts.guest, '*', [port2])
      if (isTested) await frame.#selfTest()
      return frame
    } catch (error) {
      frame.close()
      throw error
    }
  }

  start(script: string, handlers: WorkerHandlers): FrameWorker {
    const id = this.#nextWorker++
    const { port1, port2 } = new MessageChannel()
    this.#workers.set(id, { port: port1, handlers })
    const reader = new AnswerReader()
    port1.onmessage = ({ data }) => {
      const message = reader.take(data)
      if (message === undefined) return
      if (message === 'malformed' || message.verb === 'tested')
        this.#break(id, 'protocol', 'the sandbox sent a message that it may not send', 0)
      else if (message.verb === 'broken')
        this.#break(id, 'threw', textOf(message.fault.message), message.line)
      else handlers.onMessage(message)
    }
    this.#command({ verb: 'start', worker: id, script }, [port2])
    return {
      run: (run) => port1.postMessage(run),
      kill: () => this.#kill(id),
    }
  }

  /** False for a frame that is closed or whose process has died: out of memory, browsers end it without a word. */
  isAlive(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false)
    return new Promise((resolve) => {
      const end = (isAlive: boolean) => {
        clearTimeout(timer)
        this.#asking.delete(end)
        resolve(isAlive)
      }
      let timer = setTimeout(() => {
        timer = setTimeout(() => end(false), PONG_GRACE_MS)
      }, PONG_MS)
      this.#asking.add(end)
      this.#command({ verb: 'ping' })
    })
  }

  /** Ends the frame and every worker in it. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    for (const id of [...this.#workers.keys()]) this.#kill(id)
    this.#isClosed = true
    for (const end of [...this.#asking]) end(false)
    this.#control.close()
    this.#element.remove()
  }

  #selfTest(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { port1, port2 } = new MessageChannel()
      const end = (error?: SandboxError) => {
        clearTimeout(timer)
        this.#kill(0)
        if (error) reject(error)
        else resolve()
      }
      const timer = setTimeout(
        () =>
          end(
            new SandboxError(
              'unavailable',
              `the sandbox did not answer its self-test within ${SELF_TEST_MS / 1000} s`,
            ),
          ),
        SELF_TEST_MS,
      )
      const onBroken = (_code: string, message: string) =>
        end(new SandboxError('unavailable', `the sandbox did not start: ${message}`))
      this.#workers.set(0, { port: port1, handlers: { onMessage: () => undefined, onBroken } })
      port1.onmessage = ({ data }) => {
        const message = new AnswerReader().take(data)
        const leaks = typeof message === 'object' && message.verb === 'tested' ? message.leaks : ['protocol']
        if (leaks.length === 0) end()
        else
          end(
            new SandboxError(
              'leaks',
              `the sandbox of this browser has a way out (${leaks.join(', ')}), so it runs no tasks`,
            ),
          )
      }
      this.#command({ verb: 'start', worker: 0, script: `${ENTRY}(null);` }, [port2])
    })
  }

  #command(command: FrameCommand, transfer: Transferable[] = []): void {
    if (!this.#isClosed) this.#control.postMessage(command, transfer)
  }

  #kill(id: number): void {
    const worker = this.#workers.get(id)
    if (!worker) return
    this.#workers.delete(id)
    worker.port.onmessage = null
    worker.port.close()
    this.#command({ verb: 'kill', worker: id })
  }

  #break(id: number, code: BreakCode, message: string, line: number): void {
    const worker = this.#workers.get(id)
    this.#kill(id)
    worker?.handlers.onBroken(code, message, line)
  }

  /** From our own bootstrap; errors carry text of the job's. */
  #onReport(report: FrameReport): void {
    if (report.verb === 'pong') for (const end of [...this.#asking]) end(true)
    else if (report.verb === 'flood')
      this.#break(report.worker, 'protocol', 'the task posted messages past its port', 0)
    else this.#break(report.worker, codeOf(report.message), textOf(report.message), report.line)
  }
}

function createElement({ document, bootstrapHash }: FrameParts): HTMLIFrameElement {
  const element = document.createElement('iframe')
  const policy = `default-src 'none'; script-src '${bootstrapHash}' 'wasm-unsafe-eval' blob:; worker-src blob:; connect-src blob:`
  element.setAttribute('sandbox', 'allow-scripts')
  element.setAttribute('aria-hidden', 'true')
  element.tabIndex = -1
  // A frame that is not rendered has a process in the background, which browsers slow down.
  element.style.cssText = HIDDEN
  element.srcdoc = `<!doctype html><meta http-equiv="Content-Security-Policy" content="${policy}"><script>${bootstrap}</script>`
  return element
}

const HIDDEN =
  'position:fixed;inset:0 auto auto 0;width:1px;height:1px;border:0;opacity:0;pointer-events:none'

/** A tab waits for its own sandbox without a limit, so one that never loads would hold up the job. */
function loaded(element: HTMLIFrameElement, document: Document): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new SandboxError('unavailable', `the sandbox did not load within ${LOAD_MS / 1000} s`)),
      LOAD_MS,
    )
    const onLoad = () => {
      clearTimeout(timer)
      resolve()
    }
    element.addEventListener('load', onLoad, { once: true })
    document.body.append(element)
  })
}

/** Firefox says nothing of a script that does not parse: an error event without a message is one. */
function codeOf(message: string): BreakCode {
  return message === '' || /^(Uncaught )?SyntaxError/.test(message) ? 'code-error' : 'threw'
}

function textOf(message: string): string {
  if (message === '') return 'SyntaxError: the code does not parse (this browser does not say where)'
  return message.replace(/^Uncaught /, '').slice(0, 4000)
}
