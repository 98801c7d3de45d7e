import type { DatasetId } from '../../web/base/index.ts'
import type { AddProgress, Data, DatasetManifest } from '../../web/data/index.ts'
import type { Room } from '../../web/mesh/index.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'
import { csvText, type DataSabotage, DataTab, faultOf, streamOf } from './data-room.ts'

const STEPS = 7
const CALM_MS = 40_000
const ROWS = 600
/** What the README promises of an add: it waits so long for copies that went while it was announced. */
const WHOLE_LIMIT_MS = 30_000

/** A random room that adds and drops datasets while tabs come, go, die and lose sight of each other. */
export class DataStory {
  readonly sim: Simulation
  readonly tabs: DataTab[]
  readonly #texts = new Map<string, string>()
  /** Adds under way, by the life of the tab that adds. */
  readonly #adding = new Map<string, Data>()
  readonly #returning = new Set<DataTab>()

  /** What was not so when an add said that it was. */
  readonly #broken: string[] = []

  constructor(seed: number, sabotage: DataSabotage = {}) {
    const random = createSimulation(seed * 37 + 11).random
    const path = {
      latencyMs: 1 + random.float() * 30,
      jitterMs: random.float() * 10,
      loss: random.float() < 0.3 ? 0.02 : 0,
      bytesPerMs: random.float() < 0.5 ? 20 : Number.POSITIVE_INFINITY,
    }
    this.sim = createSimulation(seed, { path })
    const size = 3 + Math.floor(random.float() * 3)
    const devices = 2 + Math.floor(random.float() * size)
    this.tabs = Array.from(
      { length: size },
      (_, n) => new DataTab(this.sim, n, `device${n % devices}xxxx`, sabotage),
    )
  }

  get live(): readonly DataTab[] {
    return this.tabs.filter(({ isLive }) => isLive)
  }

  async play(): Promise<void> {
    const { sim, tabs } = this
    await sim.settle(Promise.all(tabs.map((tab) => tab.start())), 60_000, 'all joins')
    this.#add()
    for (let step = 0; step < STEPS; step++) {
      await sim.run(sim.random.float() ** 2 * 6000)
      await this.#fault()
    }
    sim.network.heal()
    for (const tab of tabs) if (!tab.isLive && sim.random.float() < 0.6) await this.#start(tab)
    await sim.runUntil(() => this.#sees(this.live.length), 60_000, 'everybody')
    const isAdding = () => this.live.some(({ data }) => [...this.#adding.values()].includes(data))
    await sim.runUntil(() => !isAdding(), 200_000, 'the end of all adds')
  }

  /** After all faults: what is left is whole, right and the same for all. Throws with the seed. */
  async check(): Promise<void> {
    const { sim } = this
    if (this.#broken[0] !== undefined) throw sim.failure(this.#broken[0])
    const survivors = new Set<string>()
    const known = new Set<string>()
    const dropped = new Set<string>()
    for (const tab of this.live) {
      for (const id of (await tab.shardsOnDisk()).keys()) survivors.add(id)
      const ids = await tab.idsOnDisk()
      for (const id of ids.live) known.add(id)
      for (const id of ids.dropped) dropped.add(id)
    }
    await sim.run(CALM_MS)
    const expected = [...known].filter((id) => !dropped.has(id)).sort()
    for (const { tab, data } of this.live) {
      const names = data.datasets.list().map(({ name }) => name)
      const listed = names.map((name) => data.shards.manifest(name)?.id ?? '').sort()
      if (listed.join() !== expected.join())
        throw sim.failure(`tab ${tab.index} lists ${listed}, not ${expected}`)
    }
    for (const { name } of this.live[0]?.data.datasets.list() ?? []) await this.#checkDataset(name, survivors)
    await this.#checkNothingElse()
  }

  async #checkDataset(name: string, survivors: ReadonlySet<string>): Promise<void> {
    const { sim, live } = this
    const manifest = live[0]?.data.shards.manifest(name) as DatasetManifest
    const replicas = Math.min(live.length >= 5 ? 3 : 2, live.length)
    const shards = manifest.shards.filter(({ id }) => survivors.has(id))
    const fault = await faultOf(live, { ...manifest, shards }, replicas)
    if (fault) throw sim.failure(`${name}: ${fault}`)
    const info = live[0]?.data.datasets.get(name)?.info()
    if (info?.records !== ROWS) throw sim.failure(`${name} has ${info?.records} records`)
    if (shards.length < manifest.shards.length) return
    const reader = live.at(-1)?.data.datasets.get(name)
    const text = await sim.settle((async () => (await reader?.export())?.arrayBuffer())())
    const expected = this.#texts.get(name)
    if (new TextDecoder().decode(text) !== expected) throw sim.failure(`${name} has other bytes`)
  }

  /** Shards that no dataset has are gone a while after the last ingest. */
  async #checkNothingElse(): Promise<void> {
    await this.sim.run(80_000)
    for (const tab of this.live) {
      const known = tab.data.datasets
        .list()
        .flatMap((dataset) => dataset.shards().map(({ id }) => String(id)))
      const orphans = [...(await tab.shardsOnDisk()).keys()].filter((id) => !known.includes(id))
      if (orphans.length > 0) throw this.sim.failure(`tab ${tab.tab.index} keeps ${orphans.length} orphans`)
    }
  }

  async #fault(): Promise<void> {
    const { sim, live } = this
    const pick = live[Math.floor(sim.random.float() * live.length)]
    const kind = Math.floor(sim.random.float() * 8)
    if (!pick || kind === 0) return this.#someReturn()
    if (kind === 1 && live.length > 1) return pick.kill()
    if (kind === 2 && live.length > 1) return void pick.leave()
    if (kind === 3) return this.#split()
    if (kind === 4) return sim.network.heal()
    if (kind === 5) return this.#drop(pick)
    this.#add(pick)
  }

  #add(tab = this.live[0]): void {
    if (!tab) return
    const name = `file${this.#texts.size}`
    const text = csvText(this.sim.seed * 100 + this.#texts.size, ROWS)
    this.#texts.set(name, text)
    this.sim.note(`add ${name} at ${tab.tab.index}`)
    const { data, room } = tab
    this.#adding.set(name, data)
    let announcedAt = Number.POSITIVE_INFINITY
    const onProgress = ({ phase }: AddProgress) => {
      if (phase === 'announcing') announcedAt = this.sim.clock.now()
    }
    const options = { shardBytes: 4096, format: 'csv', onProgress } as const
    const add = data.datasets.add(name, streamOf(text), options)
    const note = (what: string) => {
      this.sim.note(`add ${name} ${what}`)
      this.#adding.delete(name)
    }
    add.then(
      ({ id }) => {
        note('done')
        const isPatient = this.sim.clock.now() - announcedAt >= WHOLE_LIMIT_MS
        const isEnded = !tab.isLive || tab.data !== data
        void this.#checkAdded(data, id, name, isPatient || isEnded ? 1 : promisedCopies(room))
      },
      (error: Error) => note(`failed: ${error.message}`),
    )
  }

  /**
   * SHD4: an add that resolved has every shard on min(replicas, members) disks, whatever befalls the tabs of these disks. Two
   * things excuse fewer, never none: copies that went while it was announced and that 30 seconds did not bring back, and an
   * adder that itself ended meanwhile, whose add resolves because the dataset is there.
   */
  async #checkAdded(data: Data, id: DatasetId, name: string, promised: number): Promise<void> {
    for (const shard of data.shards.manifest({ id })?.shards ?? []) {
      const found = await Promise.all(this.tabs.map((tab) => tab.hasOnDisk(shard.id)))
      const copies = found.filter((isThere) => isThere).length
      // Whoever drops it meanwhile may take them away.
      if (copies < promised && data.shards.manifest({ id }))
        this.#broken.push(`${name} was added with a shard on ${copies} of ${promised} disks`)
    }
  }

  #drop(tab: DataTab): void {
    const dataset = tab.data.datasets.list()[0]
    this.sim.note(`drop ${dataset?.name} at ${tab.tab.index}`)
    void dataset?.drop()
  }

  #split(): void {
    const [left, right]: [DataTab['peerId'][], DataTab['peerId'][]] = [[], []]
    for (const { peerId } of this.live) (this.sim.random.float() < 0.5 ? left : right).push(peerId)
    this.sim.note(`split ${left.map((id) => id.slice(0, 4))} | ${right.map((id) => id.slice(0, 4))}`)
    this.sim.network.partition(left, right)
  }

  async #someReturn(): Promise<void> {
    const tab = this.tabs.find(({ isLive }) => !isLive)
    if (tab) await this.#start(tab)
  }

  async #start(tab: DataTab): Promise<void> {
    if (this.#returning.has(tab)) return
    this.#returning.add(tab)
    await this.sim.run(100)
    await this.sim.settle(tab.start(), 60_000, `return of ${tab.tab.index}`)
    this.#returning.delete(tab)
  }

  #sees(count: number): boolean {
    return this.live.every(({ room }) => room.members().length === count)
  }
}

/** Of those that the adder sees: three copies from five members that take data on. */
function promisedCopies(room: Room): number {
  const takers = room.members().filter(({ capacity }) => capacity > 0).length
  return Math.min(takers >= 5 ? 3 : 2, takers)
}
