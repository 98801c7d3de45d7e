import { createHash } from 'node:crypto'
import type { Crypto } from '../../web/base/index.ts'
import { createData, DATA_TABLES, type Data, type DatasetManifest } from '../../web/data/index.ts'
import type { Room } from '../../web/mesh/index.ts'
import { MemoryDisk, type Store } from '../../web/storage/index.ts'
import { joinRoom, type SimTab, type Simulation } from '../support/sim/index.ts'

/** A fault that is built in on purpose, to see that the checkers find it. */
export interface DataSabotage {
  readonly room?: (room: Room, tab: SimTab) => Room
  readonly store?: (store: Store, tab: SimTab) => Store
  readonly crypto?: (crypto: Crypto) => Crypto
}

/** One tab with a data layer, through all its lives. */
export class DataTab {
  readonly tab: SimTab
  readonly disk = new MemoryDisk()
  /** Bytes of shards that this tab fetched from others, over all its lives. */
  fetchedBytes = 0
  readonly #sabotage: DataSabotage
  #leaving: Promise<void> | undefined
  #live: { readonly room: Room; readonly data: Data } | undefined

  constructor(sim: Simulation, index: number, deviceId?: string, sabotage: DataSabotage = {}) {
    this.#sabotage = sabotage
    this.tab = sim.tab(index, deviceId === undefined ? {} : { deviceId })
  }

  get isLive(): boolean {
    return this.#live !== undefined
  }

  get peerId() {
    return this.tab.peerId
  }

  get room(): Room {
    if (!this.#live) throw new Error(`tab ${this.tab.index} is not live`)
    return this.#live.room
  }

  get data(): Data {
    if (!this.#live) throw new Error(`tab ${this.tab.index} is not live`)
    return this.#live.data
  }

  async start(holdsData = true): Promise<void> {
    await this.#leaving
    const { clock, random } = this.tab
    const sound = await this.disk.open(DATA_TABLES)
    const store = this.#sabotage.store?.(sound, this.tab) ?? sound
    const crypto = this.#sabotage.crypto?.(this.tab.crypto) ?? this.tab.crypto
    let data: Data | undefined
    const room = await joinRoom(this.tab, {
      prepare: (made) => {
        const room = this.#counted(made)
        const faulty = this.#sabotage.room?.(room, this.tab) ?? room
        data = createData({ room: faulty, store, crypto, clock, random, holdsData })
      },
    })
    await data?.ready
    this.#live = { room, data: data as Data }
  }

  /** Says goodbye, as a closed or reloaded tab does. */
  leave(): Promise<void> {
    const { room, data } = this.#take()
    data.close()
    this.#leaving = room.leave().then(() => this.tab.restart())
    return this.#leaving
  }

  kill(): void {
    const { data } = this.#take()
    this.tab.kill()
    data.close()
    this.tab.restart()
  }

  /** What is on the disk, whoever is live. */
  async shardsOnDisk(): Promise<Map<string, ArrayBuffer>> {
    const store = this.#live ? undefined : await this.disk.open(DATA_TABLES)
    const entries = await (store ?? this.#store()).entries('data.shards')
    return new Map(entries.map(([key, value]) => [String(key), value as ArrayBuffer]))
  }

  /** What the disk has now, without opening it again: of a dead tab too. */
  async hasOnDisk(shardId: string): Promise<boolean> {
    const bytes = await this.disk.current?.get('data.shards', shardId).catch(() => undefined)
    return bytes !== undefined
  }

  /** Ids of the datasets that a live tab knows, and of those that it knows as dropped. */
  async idsOnDisk(): Promise<{ readonly live: readonly string[]; readonly dropped: readonly string[] }> {
    const entries = await this.#store().entries('data.manifests')
    const isDropped = (value: unknown) => 'dropped' in Object(value)
    return {
      live: entries.filter(([, value]) => !isDropped(value)).map(([key]) => String(key)),
      dropped: entries.filter(([, value]) => isDropped(value)).map(([key]) => String(key)),
    }
  }

  #store() {
    const store = this.disk.current
    if (!store) throw new Error('the disk is closed')
    return store
  }

  #counted(room: Room): Room {
    const count = (bytes: unknown) => {
      this.fetchedBytes += (bytes as { byteLength?: number }).byteLength ?? 0
    }
    return new Proxy(room, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function') return value
        if (key !== 'request') return value.bind(target)
        return async (...args: Parameters<Room['request']>) => {
          const answer = await target.request(...args)
          if (args[1] === 'data.get') count(answer)
          return answer
        }
      },
    })
  }

  #take() {
    const live = this.#live
    if (!live) throw new Error(`tab ${this.tab.index} is not live`)
    this.#live = undefined
    return live
  }
}

/** `rows` lines of CSV, each with its number, the same for the same seed. */
export function csvText(seed: number, rows: number): string {
  const lines = Array.from(
    { length: rows },
    (_, i) => `${i},"value ${seed}, ${i}",${(i * 7919 + seed) % 1000}`,
  )
  return `id,text,number\n${lines.join('\n')}\n`
}

/** The text in pieces, read by turns of promises alone, as a simulation needs it. */
export function streamOf(text: string, pieceBytes = 3000): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close()
      controller.enqueue(bytes.slice(at, at + pieceBytes))
      at += pieceBytes
    },
  })
}

/** What does not hold of the bytes on the disks; undefined when every copy has its hash and every shard `copies` live ones. */
export async function faultOf(
  tabs: readonly DataTab[],
  manifest: DatasetManifest,
  copies: number,
): Promise<string | undefined> {
  const disks = await Promise.all(tabs.filter(({ isLive }) => isLive).map((tab) => tab.shardsOnDisk()))
  for (const [index, { id }] of manifest.shards.entries()) {
    const found = disks.flatMap((disk) => disk.get(id) ?? [])
    if (found.length < copies) return `shard ${index} has ${found.length} of ${copies} copies`
    for (const bytes of found) {
      if (createHash('sha256').update(new Uint8Array(bytes)).digest('hex') !== id)
        return `shard ${index} is bad`
    }
  }
  return undefined
}
