import { setMaxListeners } from 'node:events'
import {
  type Crypto,
  createSeededRandom,
  type DeviceId,
  type Identity,
  type PeerId,
  type Random,
  type RoomId,
  randomToken,
} from '../../../web/base/index.ts'
import {
  createMemoryNetwork,
  type MemoryNetwork,
  type MemoryPath,
  type Transport,
} from '../../../web/mesh/index.ts'
import { drainPromises, GatedClock, VirtualClock } from './clock.ts'
import { nodeCrypto, peerIdAtOnce, seededIdentity } from './crypto.ts'
import { Trace } from './trace.ts'

// Dozens of bounded waits share one signal by design and take their listeners back; Node would warn of a leak.
setMaxListeners(0)

/** Real time that one `run`, `runUntil` or `settle` may take. */
const MAX_REAL_MS = 20_000
const MAX_STEPS = 2_000_000

export interface SimulationOptions {
  /** Default: 1 ms latency, no jitter, no loss, half of the closes lose what is in flight. */
  readonly path?: Partial<MemoryPath>
}

/** A virtual room for tabs: one clock, one network, one seed. */
export class Simulation {
  readonly seed: number
  readonly clock = new VirtualClock()
  readonly random: Random
  readonly network: MemoryNetwork
  readonly crypto: Crypto = nodeCrypto
  readonly trace = new Trace()
  readonly #tabs = new Map<number, SimTab>()

  constructor(seed: number, options: SimulationOptions = {}) {
    this.seed = seed
    this.random = createSeededRandom(seed)
    this.network = createMemoryNetwork({
      clock: this.clock,
      random: createSeededRandom(seed + 0x5eed),
      path: { tailLoss: 0.5, ...options.path },
      onDelivery: (from, to, lane, message) =>
        this.note(`${from.slice(0, 4)}>${to.slice(0, 4)} ${lane}`, message),
    })
  }

  /** Adds a line to the trace with the virtual time. Call it for what the test does and sees. */
  note(line: string, bytes?: Uint8Array): void {
    this.trace.note(`${this.clock.now().toFixed(3)} ${line}`, bytes)
  }

  /** The n-th tab's own key; the same for the same seed. */
  identity(n: number): { readonly identity: Identity; readonly peerId: PeerId } {
    const identity = seededIdentity(createSeededRandom(this.seed * 1009 + n).bytes(32))
    return { identity, peerId: peerIdAtOnce(identity.publicKey) }
  }

  /** The n-th tab, made at the first call. Each is a device of its own unless `deviceId` says otherwise. */
  tab(n: number, options: { readonly deviceId?: string } = {}): SimTab {
    const known = this.#tabs.get(n)
    if (known) return known
    const tab = new SimTab(this, n, (options.deviceId ?? `device${n}00000`) as DeviceId)
    this.#tabs.set(n, tab)
    return tab
  }

  /** Lets `ms` of virtual time pass. */
  async run(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    await this.#steps(`run(${ms})`, end, () => false)
  }

  /** Lets time pass until `condition` holds; throws with the seed and the latest events when it does not within `limitMs`. */
  async runUntil(condition: () => boolean, limitMs: number, what = 'the condition'): Promise<void> {
    if (await this.#steps(what, this.clock.now() + limitMs, condition)) return
    throw this.failure(`${what} does not hold after ${limitMs} ms`)
  }

  /** Lets time pass until `promise` settles; gives its value or throws its reason. */
  async settle<T>(promise: Promise<T>, limitMs = 60_000, what = 'the promise'): Promise<T> {
    const outcome: { value?: { readonly is: T }; reason?: { readonly is: unknown } } = {}
    promise.then(
      (value) => {
        outcome.value = { is: value }
      },
      (reason: unknown) => {
        outcome.reason = { is: reason }
      },
    )
    await this.runUntil(() => outcome.value !== undefined || outcome.reason !== undefined, limitMs, what)
    if (!outcome.value) throw outcome.reason?.is
    return outcome.value.is
  }

  /** An error that names the seed and the latest events, so that the run can be repeated. */
  failure(message: string, cause?: unknown): Error {
    const tail = this.trace.tail.slice(-25).join('\n  ')
    return new Error(`seed ${this.seed}, ${this.clock.now()} ms: ${message}\n  ${tail}`, { cause })
  }

  async #steps(what: string, end: number, condition: () => boolean): Promise<boolean> {
    if (this.#isRunning) throw new TypeError('the simulation runs already: await one call before the next')
    this.#isRunning = true
    try {
      return await this.#runSteps(what, end, condition)
    } finally {
      this.#isRunning = false
    }
  }

  #isRunning = false

  async #runSteps(what: string, end: number, condition: () => boolean): Promise<boolean> {
    const realEnd = Date.now() + MAX_REAL_MS
    const maxSteps = this.clock.steps + MAX_STEPS
    await drainPromises()
    while (!condition()) {
      if (!(await this.#step(end))) return condition()
      if (this.clock.steps > maxSteps || (this.clock.steps % 256 === 0 && Date.now() > realEnd)) {
        throw this.failure(`${what} takes too long in real time`)
      }
    }
    return true
  }

  async #step(end: number): Promise<boolean> {
    try {
      return await this.clock.step(end)
    } catch (error) {
      throw this.failure(`an event threw: ${error instanceof Error ? error.stack : String(error)}`, error)
    }
  }
}

/**
 * One tab of the simulation: what a node needs as ports, and what can befall it. It has lives: {@link kill} and
 * {@link restart} keep identity, device and what is in {@link kept}, as a profile's disk does.
 */
export class SimTab {
  readonly index: number
  readonly peerId: PeerId
  readonly identity: Identity
  readonly deviceId: DeviceId
  readonly #sim: Simulation
  readonly #kept = new Map<string, unknown>()
  #clock: GatedClock
  /** Differs from life to life, the same for a seed. */
  random: Random
  #lives = 0

  constructor(sim: Simulation, index: number, deviceId: DeviceId) {
    this.#sim = sim
    this.index = index
    const { identity, peerId } = sim.identity(index)
    this.identity = identity
    this.peerId = peerId
    this.deviceId = deviceId
    this.#clock = new GatedClock(sim.clock)
    this.random = createSeededRandom(sim.seed * 7919 + index * 104_729)
  }

  get clock(): GatedClock {
    return this.#clock
  }

  get crypto(): Crypto {
    return this.#sim.crypto
  }

  transport(roomId: RoomId): Transport {
    return this.#sim.network.transport(this.peerId, roomId)
  }

  /** What outlives a life, made at the first call: a store, for example. */
  kept<T>(name: string, create: () => T): T {
    if (!this.#kept.has(name)) this.#kept.set(name, create())
    return this.#kept.get(name) as T
  }

  /** Its disk is lost: what {@link kept} gives from now on is new. Kill it first. */
  loseDisk(): void {
    this.#sim.note(`lose the disk of ${this.index}`)
    this.#kept.clear()
  }

  /** Its device's clock is set; timers and `now` go on. */
  setWall(byMs: number): void {
    this.#sim.note(`set the clock of ${this.index} by ${byMs}`)
    this.#clock.wallOffset += byMs
  }

  /** The tab's process dies: silence, and no timer of this life ever runs again. */
  kill(): void {
    this.#sim.note(`kill ${this.index}`)
    this.#clock.end()
    this.#sim.network.kill(this.peerId)
  }

  /** A new life with the same identity, device and disk. Kill the old one or close its node first. */
  restart(): void {
    this.#lives++
    this.#sim.note(`restart ${this.index}`)
    this.#clock.end()
    const { wallOffset } = this.#clock
    this.#clock = new GatedClock(this.#sim.clock)
    this.#clock.wallOffset = wallOffset
    this.random = createSeededRandom(this.#sim.seed * 7919 + this.index * 104_729 + this.#lives * 15_485_863)
  }

  /** Nothing is delivered and no timer runs for `ms`, as in a tab whose thread is blocked. Which come first then is up to the seed. */
  pause(ms: number): void {
    this.#sim.note(`pause ${this.index} for ${ms}`)
    const clock = this.#clock
    const { network } = this.#sim
    clock.pause()
    network.pause(this.peerId)
    const isTimersFirst = this.#sim.random.float() < 0.5
    this.#sim.clock.after(ms, () => {
      this.#sim.note(`resume ${this.index}`)
      if (isTimersFirst) clock.resume()
      network.resume(this.peerId)
      if (!isTimersFirst) clock.resume()
    })
  }

  /** Resolves after `ms` by this tab's own timers, which wait while it is paused. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(ms, resolve)
    })
  }

  /** A random token by this tab's own chance, for ids. */
  token(): string {
    return randomToken(this.random)
  }
}

/** The same seed runs the same way to the last event. */
export function createSimulation(seed: number, options?: SimulationOptions): Simulation {
  return new Simulation(seed, options)
}
