import {
  COMPUTE_TABLES,
  type Compute,
  createCompute,
  type JobKey,
  type MapReduceOptions,
  type SandboxFactory,
} from '../../web/compute/index.ts'
import { createMemorySandboxFactory } from '../../web/compute/sandbox/memory.ts'
import type { DatasetFormat, ShardSource } from '../../web/data/index.ts'
import type { Room } from '../../web/mesh/index.ts'
import { MemoryDisk } from '../../web/storage/index.ts'
import { compileJob } from './compile.ts'
import { MemoryShards } from './memory-shards.ts'
import { joinRoom, type SimTab, type Simulation } from './sim/index.ts'

export interface JobRoomOptions {
  readonly tabs: number
  readonly shards: readonly string[]
  readonly slots?: number
  readonly format?: DatasetFormat
  /** Virtual time of one task on the tab. */
  readonly taskMs?: (tab: SimTab) => number
  /** A job's text reaches the tab's sandbox. */
  readonly onOpen?: (tab: SimTab) => void
  readonly sabotage?: JobSabotage
}

/** A fault of every tab that is built in on purpose, to see that the checkers find it. */
export interface JobSabotage {
  readonly room?: (room: Room) => Room
  readonly shards?: (shards: ShardSource) => ShardSource
  readonly sandboxes?: (sandboxes: SandboxFactory) => SandboxFactory
}

/** One tab of the room with its execution layer. */
export interface JobTab {
  readonly tab: SimTab
  readonly room: Room
  readonly compute: Compute
}

/** Tabs in one simulated room, each with an execution layer over shards that lie where the test puts them. */
export class JobRoom {
  readonly sim: Simulation
  readonly shards: MemoryShards
  readonly members: JobTab[] = []
  readonly #options: JobRoomOptions

  constructor(sim: Simulation, options: JobRoomOptions) {
    this.sim = sim
    this.#options = options
    this.shards = new MemoryShards(
      'lines',
      options.format ?? { kind: 'text' },
      options.shards,
      sim.tab(0).peerId,
    )
  }

  async begin(): Promise<void> {
    const tabs = Array.from({ length: this.#options.tabs }, (_, n) => this.sim.tab(n))
    for (const tab of tabs) this.members.push(await this.#join(tab))
    const isWhole = () => this.members.every(({ room }) => room.members().length === tabs.length)
    await this.sim.runUntil(isWhole, 60_000, 'everybody is here')
  }

  /** Each shard on `copies` tabs in turn. */
  spread(copies: number): void {
    for (let shard = 0; shard < this.#options.shards.length; shard++) {
      for (let copy = 0; copy < copies; copy++) {
        const holder = this.members[(shard + copy) % this.members.length] as JobTab
        this.shards.place(shard, holder.tab.peerId)
      }
    }
  }

  /** Shards that nobody whom tab `n` sees here holds. */
  missingShards(n: number): number {
    const source = this.shards.source(this.at(n).room)
    const inputs = source.manifest('lines')?.shards ?? []
    return inputs.filter((shard) => source.holders(shard.id).length === 0).length
  }

  at(n: number): JobTab {
    return this.members[n] as JobTab
  }

  /** Starts again after a kill or leave. */
  async restart(n: number): Promise<void> {
    this.at(n).tab.restart()
    this.members[n] = await this.#join(this.at(n).tab)
  }

  async #join(tab: SimTab): Promise<JobTab> {
    const slots = this.#options.slots ?? 1
    const room = await this.sim.settle(joinRoom(tab, { profile: { slots } }), 60_000, `join of ${tab.index}`)
    const { taskMs, onOpen, sabotage = {} } = this.#options
    const factory = createMemorySandboxFactory({
      clock: tab.clock,
      compile: compileJob,
      ...(taskMs ? { taskMs: () => taskMs(tab) } : {}),
    })
    const sound: SandboxFactory = {
      ...factory,
      open: (...given) => {
        onOpen?.(tab)
        return factory.open(...given)
      },
    }
    const { clock, random } = tab
    const disk = tab.kept('disk', () => new MemoryDisk())
    const store = await disk.open(COMPUTE_TABLES)
    const source = this.shards.source(room)
    const compute = createCompute({
      room: sabotage.room?.(room) ?? room,
      shards: sabotage.shards?.(source) ?? source,
      sandboxes: sabotage.sandboxes?.(sound) ?? sound,
      clock,
      random,
      slots,
      store,
    })
    return { tab, room, compute }
  }
}

export const WORD_COUNT = {
  dataset: 'lines',
  map: '(line, ctx) => { for (const word of line.split(" ")) ctx.emit(word, 1) }',
  combine: '(key, values) => values.reduce((sum, value) => sum + value, 0)',
  reduce: '(key, values) => values.reduce((sum, value) => sum + value, 0)',
} satisfies MapReduceOptions

/** The same counts, over a shuffle of half a kilobyte for each word. */
export const FAT_WORD_COUNT = {
  dataset: 'lines',
  map: '(line, ctx) => { for (const word of line.split(" ")) ctx.emit(word, "x".repeat(500)) }',
  reduce: '(key, values) => values.length',
} satisfies MapReduceOptions

/** The words of all shards counted in one place. */
export function countWords(shards: readonly string[]): readonly (readonly [JobKey, number])[] {
  const counts = new Map<string, number>()
  for (const word of shards
    .flatMap((shard) => shard.split('\n').slice(0, -1))
    .flatMap((line) => line.split(' '))) {
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
}
