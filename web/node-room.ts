import { option, type PeerId, type RoomId, withTimeout } from './base/index.ts'
import type { Jobs } from './compute/index.ts'
import type { Datasets } from './data/index.ts'
import {
  encodeInvite,
  type Member,
  type MemberProfile,
  NO_PATH,
  type Room,
  type RoomEnd,
} from './mesh/index.ts'
import type {
  Destinations,
  Files,
  MessageHistory,
  Queue,
  QueueSettings,
  Reply,
  RequestOptions,
  Topic,
  Transaction,
} from './messaging/index.ts'
import { closeLayers, closePorts, DEFAULT_SLOTS, type Layers } from './node-layers.ts'
import { checkProfile, checkSwitches } from './node-options.ts'
import type { CloseReason, MeshNode, NodeOptions, NodePeer, NodeProblem, NodeSnapshot } from './node-shape.ts'
import { Snapshots, StorageGauge } from './node-snapshot.ts'

/** How long `drain` waits for what is under way. */
const DRAIN_LIMIT_MS = 10_000
const STORAGE_LOST: NodeProblem = {
  code: 'storage',
  message:
    'This browser closed its storage for this page, so nothing more can be kept here. Reload the page.',
}

const DISK_FULL: NodeProblem = {
  code: 'storage',
  message:
    'This device has no room left, so it takes no more parts of files. What it holds stays. Free some space, or drop a data set.',
}

/** The layers of one room as one object. */
export class RoomNode implements MeshNode {
  readonly id: PeerId
  readonly roomId: RoomId
  readonly invite: string
  readonly destinations: Destinations
  readonly files: Files
  readonly history: MessageHistory
  readonly datasets: Datasets
  readonly jobs: Jobs
  readonly closed: Promise<CloseReason>
  readonly #options: NodeOptions
  readonly #layers: Layers
  readonly #snapshots: Snapshots
  readonly #gauge: StorageGauge
  readonly #stops: (() => void)[]
  /** Files that this node is adding. */
  readonly #imports = new Set<Promise<unknown>>()
  #resolveClosed: (reason: CloseReason) => void = () => {}
  #ending: Promise<void> | undefined
  #problem: NodeProblem | undefined
  #slots: number
  #holdsData: boolean
  #takesWork: boolean
  #peers: { readonly members: readonly Member[]; readonly peers: readonly Member[] } | undefined

  constructor(options: NodeOptions, layers: Layers) {
    const { room, messaging, data, compute } = layers
    this.#options = options
    this.#layers = layers
    this.id = room.self.peerId
    this.roomId = room.roomId
    this.invite = encodeInvite(options.inviteBase, options.roomSecret)
    this.destinations = messaging.destinations
    this.files = messaging.files
    this.history = messaging.history
    this.datasets = this.#importing(data.datasets)
    this.jobs = compute.jobs
    this.#slots = options.slots ?? DEFAULT_SLOTS
    this.#holdsData = options.holdsData ?? true
    this.#takesWork = options.takesWork ?? true
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    const snapshots = new Snapshots(() => this.#snapshot())
    this.#snapshots = snapshots
    this.#gauge = new StorageGauge(options.ports.store, options.ports.clock, () => snapshots.changed())
    this.#stops = [
      room.onChange(() => snapshots.changed()),
      data.subscribe(() => {
        this.#gauge.ask()
        snapshots.changed()
      }),
    ]
    void room.closed.then((end) => this.#onRoomEnd(end))
    void options.ports.store.closed.then((how) => this.#onStoreEnd(how))
  }

  get name(): string {
    return this.#layers.room.self.name
  }

  peers(): readonly Member[] {
    const members = this.#layers.room.members()
    if (this.#peers?.members !== members) {
      this.#peers = { members, peers: members.filter((member) => !member.isSelf && member.isDirect) }
    }
    return this.#peers.peers
  }

  getSnapshot(): NodeSnapshot {
    return this.#snapshots.get()
  }

  subscribe(listener: () => void): () => void {
    return this.#snapshots.subscribe(listener)
  }

  rename(name: string): void {
    const seen = option.visibleName('name', name)
    this.#layers.room.updateProfile({ name: seen })
    this.#options.onRename?.(seen)
    this.#snapshots.changed()
  }

  configure(switches: { holdsData?: boolean; takesWork?: boolean }): void {
    const { holdsData, takesWork } = option.names('configure', switches, ['holdsData', 'takesWork'])
    checkSwitches(switches)
    this.#holdsData = holdsData ?? this.#holdsData
    this.#takesWork = takesWork ?? this.#takesWork
    if (holdsData !== undefined) this.#layers.data.setHoldsData(holdsData)
    if (takesWork !== undefined) this.#layers.compute.setTakesWork(takesWork)
    this.#tellProfile({})
  }

  updateProfile(given: Partial<Pick<MemberProfile, 'isHidden' | 'slots'>>): void {
    const { slots, ...profile } = option.names('updateProfile', given, ['isHidden', 'slots'])
    checkProfile(given)
    this.#slots = slots ?? this.#slots
    this.#tellProfile(profile)
  }

  topic(name: string): Topic {
    return this.#layers.messaging.topic(name)
  }

  queue(name: string, settings?: Partial<QueueSettings>): Queue {
    return this.#layers.messaging.queue(name, settings)
  }

  request(queue: string, body: unknown, options?: RequestOptions): Promise<Reply> {
    return this.#layers.messaging.request(queue, body, options)
  }

  transaction(
    work: (tx: Transaction) => unknown,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void> {
    return this.#layers.messaging.transaction(work, options)
  }

  async drain(): Promise<void> {
    try {
      await withTimeout(this.#options.ports.clock, 'draining', DRAIN_LIMIT_MS, undefined, (signal) =>
        this.#finish(signal),
      )
    } catch {
      // What could not be handed over in time is in the outbox and goes out when this room is opened again; an import or a
      // job that takes longer rejects.
    }
    await this.#end('drained')
  }

  close(): Promise<void> {
    return this.#end('closed')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain()
  }

  /** Imports first: jobs may wait for their data; messages last: what publishes them may still be at work. */
  async #finish(signal: AbortSignal): Promise<void> {
    const { messaging, compute } = this.#layers
    await Promise.allSettled(this.#imports)
    await Promise.allSettled(compute.jobs.list().map((job) => job.result({ signal })))
    await messaging.drain(signal)
  }

  #importing(datasets: Datasets): Datasets {
    const { onImport } = this.#options
    let isFirst = true
    return {
      add: (...args) => {
        if (isFirst) onImport?.()
        isFirst = false
        const adding = datasets.add(...args)
        const forget = () => this.#imports.delete(adding)
        this.#imports.add(adding)
        adding.then(forget, forget)
        return adding
      },
      list: () => datasets.list(),
      get: (name) => datasets.get(name),
      preview: (...args) => datasets.preview(...args),
    }
  }

  #tellProfile(profile: Partial<MemberProfile>): void {
    this.#layers.room.updateProfile({ ...profile, slots: this.#takesWork ? this.#slots : 0 })
    this.#snapshots.changed()
  }

  #onRoomEnd(end: RoomEnd): void {
    switch (end.how) {
      case 'left':
        return
      case 'full':
        this.#fail('room-full', { code: 'room-full', message: end.message })
        return
      case 'refused':
        this.#fail('wrong-invite', { code: 'wrong-invite', message: end.message })
        return
      case 'version':
        this.#fail('version', { code: 'version', message: end.message })
        return
    }
  }

  /** The data layer takes its capacity back when the disk refuses a shard. */
  #storageProblem(): NodeProblem | undefined {
    return this.#holdsData && this.#layers.room.self.capacity === 0 ? DISK_FULL : undefined
  }

  #onStoreEnd(how: 'closed' | 'forgotten' | 'lost'): void {
    if (how === 'forgotten') void this.#end('forgotten')
    if (how === 'lost') this.#fail('storage', STORAGE_LOST)
  }

  #fail(reason: CloseReason, problem: NodeProblem): void {
    this.#problem ??= problem
    this.#snapshots.changed()
    void this.#end(reason)
  }

  #end(reason: CloseReason): Promise<void> {
    this.#ending ??= this.#shutDown(reason)
    return this.#ending
  }

  async #shutDown(reason: CloseReason): Promise<void> {
    const left = closeLayers(this.#layers)
    for (const stop of this.#stops) stop()
    this.#gauge.stop()
    await left
    await closePorts(this.#options.ports)
    this.#resolveClosed(reason)
    this.#snapshots.changed()
  }

  #snapshot(): NodeSnapshot {
    const { room, data } = this.#layers
    const peers = room
      .peers()
      .map((peer): NodePeer => ({ ...peer, shardsHeld: data.shardsHeld(peer.peerId) }))
    return {
      id: this.id,
      name: this.name,
      roomId: this.roomId,
      invite: this.invite,
      signaling: room.signaling,
      peers,
      datasets: data.datasets.list().map((dataset) => dataset.info()),
      shardsHeld: data.shardsHeld(this.id),
      bytesHeld: data.bytesHeld(),
      storage: this.#gauge.usage,
      holdsData: this.#holdsData,
      takesWork: this.#takesWork,
      problem: this.#problem ?? this.#storageProblem() ?? signalingProblem(room) ?? networkProblem(peers),
    }
  }
}

function signalingProblem({ signalingProblem: message }: Room): NodeProblem | undefined {
  return message === undefined ? undefined : { code: 'network', message }
}

/** Somebody is there whom the network keeps apart from this device, and nobody else can be reached. One who has gone is no problem. */
function networkProblem(peers: readonly NodePeer[]): NodeProblem | undefined {
  const isKeptApart = peers.some(({ reason }) => reason === NO_PATH)
  if (!isKeptApart || peers.some(({ state }) => state === 'direct' || state === 'forwarded')) return undefined
  return { code: 'network', message: NO_PATH }
}
