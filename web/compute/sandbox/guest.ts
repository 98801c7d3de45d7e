import { ANSWER_MARGIN_BYTES, encodeAnswer, PIECE_BYTES } from './answer.ts'
import { faultOf } from './fault.ts'
import { GuestBuiltins } from './guest-builtins.ts'
import { type JobFunctions, runTask, type TaskOutcome } from './guest-core.ts'
import { findLeaks, pruneGlobals } from './guest-globals.ts'
import { GuestRealm } from './guest-realm.ts'
import { GuestTimers } from './guest-timers.ts'
import type { GuestFault } from './port.ts'
import { ENTRY, type GuestMessage, type GuestRun } from './protocol.ts'
import { isFunctionAlone } from './thunk.ts'

/**
 * The first script of a sandbox's Worker; the job's script follows in the same blob and calls ENTRY with a thunk for
 * each function, or with null for the boot self-test. User code first runs when a thunk is called, after this script
 * has its port and has taken away what it does not want to be used.
 */
type Thunks = Readonly<Record<string, () => unknown>> | null

// User code may replace what prototypes hold; what handles the port and its messages was taken before.
const apply = Reflect.apply
const dataOf = getterOf(MessageEvent.prototype, 'data')
const portsOf = getterOf(MessageEvent.prototype, 'ports')
const messageOf = getterOf(ErrorEvent.prototype, 'message')
const lineOf = getterOf(ErrorEvent.prototype, 'lineno')
const reasonOf = getterOf(PromiseRejectionEvent.prototype, 'reason')
const stopOthers = Event.prototype.stopImmediatePropagation
const preventDefault = Event.prototype.preventDefault
const post = MessagePort.prototype.postMessage
const listen = EventTarget.prototype.addEventListener
const forget = EventTarget.prototype.removeEventListener
const startPort = MessagePort.prototype.start
const Bytes = Uint8Array
const Block = ArrayBuffer
const lengthOf = getterOf(Object.getPrototypeOf(Bytes.prototype), 'byteLength')
const offsetOf = getterOf(Object.getPrototypeOf(Bytes.prototype), 'byteOffset')
const bufferOf = getterOf(Object.getPrototypeOf(Bytes.prototype), 'buffer')
const copyTo = Bytes.prototype.set
const cut = String.prototype.slice
const sourceOf = Function.prototype.toString
const match = RegExp.prototype.exec
const shrink: typeof ArrayBuffer.prototype.transfer | undefined = ArrayBuffer.prototype.transfer
const ITERATOR: typeof Symbol.iterator = Symbol.iterator
const MAX_ERROR_CHARS = 4000
/** Promises of one task that nobody catches. In Firefox each goes by the page's thread. */
const MAX_UNHANDLED = 100

let thunks: Thunks = null

Object.defineProperty(globalThis, ENTRY, {
  configurable: true,
  value: (given: Thunks) => {
    Reflect.deleteProperty(globalThis, ENTRY)
    thunks = given
  },
})

apply(listen, globalThis, ['message', onStart])

function onStart(event: MessageEvent): void {
  apply(stopOthers, event, [])
  apply(forget, globalThis, ['message', onStart])
  const port = (apply(portsOf, event, []) as readonly MessagePort[])[0]
  if (!port) return
  if (thunks === null) void test(port)
  else new Guest(port, thunks)
}

async function test(port: MessagePort): Promise<void> {
  const leaks = await findLeaks()
  pruneGlobals()
  send(port, { verb: 'tested', leaks }, ANSWER_MARGIN_BYTES)
}

/** Runs the tasks that come by the port, one after another, each as if it were the first. */
class Guest {
  readonly #port: MessagePort
  readonly #thunks: NonNullable<Thunks>
  readonly #timers = new GuestTimers()
  readonly #turn = new MessageChannel()
  readonly #realm: GuestRealm
  readonly #builtins: GuestBuiltins
  /** Those that can keep nothing from task to task, so that what the browser has learnt of them is not lost. */
  #kept: JobFunctions | undefined
  #onTurn: (() => void) | undefined
  /** Thrown where nobody catches, by a promise of the task that runs. */
  #unhandled: GuestFault | undefined
  #unhandledCount = 0
  #isBusy = false
  #hasRun = false
  #isOver = false
  /** Handed over while another task runs. */
  #ahead: GuestRun | undefined

  constructor(port: MessagePort, given: NonNullable<Thunks>) {
    this.#port = port
    this.#thunks = given
    this.#turn.port1.onmessage = () => this.#onTurn?.()
    this.#timers.install()
    pruneGlobals()
    this.#realm = new GuestRealm()
    this.#builtins = new GuestBuiltins()
    // What is handled here is not told to the frame, which in some browsers is the page's own thread.
    apply(listen, globalThis, ['error', (event: ErrorEvent) => this.#onError(event)])
    apply(listen, globalThis, [
      'unhandledrejection',
      (event: PromiseRejectionEvent) => this.#onRejection(event),
    ])
    apply(listen, port, [
      'message',
      (event: MessageEvent) => this.#onRun(apply(dataOf, event, []) as GuestRun),
    ])
    apply(startPort, port, [])
  }

  #onRun(next: GuestRun): void {
    if (this.#isBusy) this.#ahead = next
    else this.#beginClean(next)
  }

  /** The realm is looked at only where another task comes: many Workers of small jobs run one. */
  #beginClean(next: GuestRun): void {
    if (this.#isOver) return
    if (!this.#hasRun || this.#realm.isAsItWas()) {
      this.#hasRun = true
      void this.#begin(next)
      return
    }
    this.#isOver = true
    send(this.#port, { verb: 'spent' }, ANSWER_MARGIN_BYTES)
  }

  async #begin({ id, task }: GuestRun): Promise<void> {
    this.#isBusy = true
    // `RegExp.$1` and its like would tell what the task before has matched.
    apply(match, /(?:)/, [''])
    const compiled = this.#compiled()
    const outcome: TaskOutcome =
      'code' in compiled
        ? { fault: compiled }
        : this.#checked(
            await runTask(compiled, task, { settle: () => this.#settle(), again: () => this.#again() }),
          )
    if (task.kind === 'map') free(task.bytes)
    const bound = task.maxOutputBytes + ANSWER_MARGIN_BYTES
    if (outcome.result) send(this.#port, { verb: 'done', id, result: outcome.result }, bound)
    else send(this.#port, { verb: 'failed', id, fault: outcome.fault }, bound)
    this.#goOn()
  }

  #goOn(): void {
    this.#isBusy = false
    const next = this.#ahead
    this.#ahead = undefined
    if (next) this.#beginClean(next)
  }

  #compiled(): JobFunctions | GuestFault {
    if (this.#kept) return this.#kept
    const compiled = compile(this.#thunks)
    if ('code' in compiled || !areAlone(this.#thunks, compiled)) return compiled
    for (const made of Object.values(compiled)) this.#realm.include(made)
    this.#kept = compiled
    return compiled
  }

  /** A result that went through what the task has replaced is none. */
  #checked(outcome: TaskOutcome): TaskOutcome {
    const replaced = outcome.result && this.#builtins.findReplaced()
    if (replaced === undefined) return outcome
    return {
      fault: {
        code: 'code-error',
        message: `the task has replaced ${replaced}, which its result is made with: leave it as it is`,
      },
    }
  }

  #again(): JobFunctions | GuestFault {
    return this.#realm.isAsItWas() ? this.#compiled() : { code: 'code-error', message: NOT_AGAIN }
  }

  /** Lets run what the task has begun and not awaited; what it has left behind for later is a fault. */
  async #settle(): Promise<GuestFault | undefined> {
    // The browser tells of an unhandled rejection one turn after it.
    for (let turn = 0; turn < 2; turn++) {
      await new Promise<void>((resolve) => {
        this.#onTurn = resolve
        this.#turn.port2.postMessage(0)
      })
    }
    const left = this.#timers.pending
    this.#timers.clear()
    const unhandled = this.#unhandled
    this.#unhandled = undefined
    this.#unhandledCount = 0
    if (unhandled) return unhandled
    return left > 0 ? { code: 'late-emit', message: LEFT_TIMER } : undefined
  }

  #onRejection(event: PromiseRejectionEvent): void {
    apply(stopOthers, event, [])
    apply(preventDefault, event, [])
    this.#unhandled ??= faultOf(apply(reasonOf, event, []), undefined)
    if (++this.#unhandledCount > MAX_UNHANDLED) this.#break(`${TOO_MANY}: ${this.#unhandled.message}`, 0)
  }

  #onError(event: ErrorEvent): void {
    apply(stopOthers, event, [])
    apply(preventDefault, event, [])
    const message = apply(cut, apply(messageOf, event, []), [0, MAX_ERROR_CHARS]) as string
    this.#break(message, Number(apply(lineOf, event, [])))
  }

  /** Ends the Worker. */
  #break(message: string, line: number): void {
    if (this.#isOver) return
    this.#isOver = true
    send(this.#port, { verb: 'broken', line, fault: { code: 'threw', message } }, ANSWER_MARGIN_BYTES)
  }
}

const NOT_AGAIN =
  'a function returned a promise only after other calls had not, and the task has changed globals, so it cannot begin anew: write it with `async`'

const TOO_MANY = `more than ${MAX_UNHANDLED} promises were rejected and nobody caught them, the first with`

const LEFT_TIMER =
  'a timer was still to fire when the last function had returned: await it, or clear it, since what it emits would be lost'

/** Left to the collector, the bytes of shards make it run over the whole heap again and again. */
function free(bytes: ArrayBuffer): void {
  if (shrink) apply(shrink, bytes, [0])
}

/** Anew for each task where the functions may close over something that they keep. */
function compile(given: NonNullable<Thunks>): JobFunctions | GuestFault {
  try {
    const functions: Record<string, unknown> = {}
    for (const name of ['map', 'combine', 'reduce']) {
      const made = given[name]?.()
      if (made !== undefined) functions[name] = functionIn(name, made)
    }
    return functions as Readonly<Record<string, never>> & JobFunctions
  } catch (error) {
    return { ...faultOf(error, undefined), code: 'code-error' }
  }
}

function areAlone(given: NonNullable<Thunks>, functions: JobFunctions): boolean {
  return Object.entries(functions).every(([name, made]) => {
    const thunk = given[name]
    const text = (one: unknown) => apply(sourceOf, one, []) as string
    return thunk !== undefined && isFunctionAlone(text(thunk), text(made))
  })
}

/** An expression is the function itself; a method comes in an object literal of its own. */
function functionIn(name: string, made: unknown): unknown {
  const found = typeof made === 'object' && made !== null ? Object.values(made)[0] : made
  if (typeof found !== 'function') throw new TypeError(`${name} is not a function`)
  return found
}

/**
 * The one way out, and the last thing between user code and the page: whatever has become of the message on its way here,
 * what leaves is at most `bound` bytes, in blocks. A zero leaves instead of what is larger, and ends the Worker.
 */
function send(port: MessagePort, message: GuestMessage, bound: number): void {
  try {
    const bytes = encodeAnswer(message)
    // Throws for what is no array of bytes.
    const length = apply(lengthOf, bytes, []) as number
    if (length > bound) throw length
    const buffer = apply(bufferOf, bytes, []) as ArrayBuffer
    const offset = apply(offsetOf, bytes, []) as number
    if (length > PIECE_BYTES) apply(post, port, [length])
    for (let at = 0; at < length; at += PIECE_BYTES) {
      const size = length - at < PIECE_BYTES ? length - at : PIECE_BYTES
      const block = new Block(size)
      apply(copyTo, new Bytes(block), [new Bytes(buffer, offset + at, size)])
      apply(post, port, [block, onlyOne(block)])
    }
  } catch {
    // It was encoded with something that user code had replaced.
    apply(post, port, [0])
  }
}

/** A list for the browser to read that looks up nothing on a prototype. */
function onlyOne(value: ArrayBuffer): Transferable[] {
  let isGiven = false
  const next = () => {
    const done = isGiven
    isGiven = true
    return { __proto__: null, done, value: done ? undefined : value }
  }
  return { __proto__: null, [ITERATOR]: () => ({ __proto__: null, next }) } as unknown as Transferable[]
}

function getterOf(prototype: object, name: string): () => unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown
}
