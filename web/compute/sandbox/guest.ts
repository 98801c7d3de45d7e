import { faultOf } from './fault.ts'
import type { JobFunctions } from './guest-core.ts'
import { runTask, type TaskOutcome } from './guest-core.ts'
import { findLeaks, pruneGlobals } from './guest-globals.ts'
import type { GuestFault, GuestTask } from './port.ts'
import { ENTRY, type GuestMessage, type GuestRun } from './protocol.ts'

/**
 * The first script of a sandbox's Worker; the job's script follows in the same blob and calls ENTRY with a thunk for
 * each function, or with null for the boot self-test. User code first runs when a thunk is called, after this script
 * has its port and has taken away what it does not want to be used.
 */
type Thunks = Readonly<Record<string, () => unknown>> | null

interface WorkerScope {
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void
}

// User code may replace what prototypes hold; what handles the port and its messages was taken before.
const apply = Reflect.apply
const dataOf = getterOf(MessageEvent.prototype, 'data')
const portsOf = getterOf(MessageEvent.prototype, 'ports')
const stopOthers = Event.prototype.stopImmediatePropagation
const post = MessagePort.prototype.postMessage
const listen = EventTarget.prototype.addEventListener
const startPort = MessagePort.prototype.start
const shrink: typeof ArrayBuffer.prototype.transfer | undefined = ArrayBuffer.prototype.transfer
const scope = globalThis as typeof globalThis & WorkerScope

let thunks: Thunks = null

Object.defineProperty(globalThis, ENTRY, {
  configurable: true,
  value: (given: Thunks) => {
    Reflect.deleteProperty(globalThis, ENTRY)
    thunks = given
  },
})

scope.addEventListener('message', function onStart(event) {
  apply(stopOthers, event, [])
  scope.removeEventListener('message', onStart)
  const nonce = String(apply(dataOf, event, []))
  const port = (apply(portsOf, event, []) as readonly MessagePort[])[0]
  if (!port) return
  if (thunks === null) void test(port, nonce)
  else serve(port, nonce, thunks)
})

async function test(port: MessagePort, nonce: string): Promise<void> {
  const leaks = await findLeaks()
  pruneGlobals()
  send(port, { verb: 'tested', nonce, leaks })
}

function serve(port: MessagePort, nonce: string, given: NonNullable<Thunks>): void {
  pruneGlobals()
  const compiled = compile(given)
  let isBusy = false
  /** Handed over while another task runs. */
  let ahead: GuestRun | undefined
  async function begin({ id, task }: GuestRun): Promise<void> {
    isBusy = true
    await run(port, nonce, id, task, compiled)
    isBusy = false
    const next = ahead
    ahead = undefined
    if (next) void begin(next)
  }
  apply(listen, port, [
    'message',
    (event: MessageEvent) => {
      const next = apply(dataOf, event, []) as GuestRun
      if (isBusy) ahead = next
      else void begin(next)
    },
  ])
  apply(startPort, port, [])
}

async function run(
  port: MessagePort,
  nonce: string,
  id: number,
  task: GuestTask,
  compiled: JobFunctions | GuestFault,
): Promise<void> {
  const outcome: TaskOutcome = 'code' in compiled ? { fault: compiled } : await runTask(compiled, task)
  if (task.kind === 'map') free(task.bytes)
  if (outcome.result) send(port, { verb: 'done', nonce, id, result: outcome.result }, outcome.result.buckets)
  else send(port, { verb: 'failed', nonce, id, fault: outcome.fault })
}

/** Left to the collector, the bytes of shards make it run over the whole heap again and again. */
function free(bytes: ArrayBuffer): void {
  if (shrink) apply(shrink, bytes, [0])
}

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

/** An expression is the function itself; a method comes in an object literal of its own. */
function functionIn(name: string, made: unknown): unknown {
  const found = typeof made === 'object' && made !== null ? Object.values(made)[0] : made
  if (typeof found !== 'function') throw new TypeError(`${name} is not a function`)
  return found
}

function send(port: MessagePort, message: GuestMessage, transfer: readonly ArrayBuffer[] = []): void {
  apply(post, port, [message, transfer])
}

function getterOf(prototype: object, name: string): () => unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown
}
