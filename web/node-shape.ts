import type { Clock, Crypto, DeviceId, Identity, PeerId, Random, RoomId } from './base/index.ts'
import type { Jobs, SandboxFactory } from './compute/index.ts'
import type { DatasetInfo, Datasets } from './data/index.ts'
import type { Member, MemberProfile, PeerView, SignalingState, Transport } from './mesh/index.ts'
import type {
  DestinationSettings,
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
import type { Store } from './storage/index.ts'

/** The outside world as the layers see it. `browser.ts` makes the real ones, `test/support` simulated ones. */
export interface NodePorts {
  readonly transport: Transport
  /** Opened with `NODE_TABLES`. */
  readonly store: Store
  readonly crypto: Crypto
  readonly clock: Clock
  readonly random: Random
  readonly sandboxes: SandboxFactory
}

export interface NodeOptions {
  /** 32 bytes: whoever has them is in. */
  readonly roomSecret: Uint8Array
  readonly identity: Identity
  readonly deviceId: DeviceId
  /** Made fit to be shown: see `rename`. */
  readonly name: string
  /** The page's address without a fragment; the invite is this with the secret in the fragment. */
  readonly inviteBase: string
  readonly ports: NodePorts
  /** Attempts that run here at once, 1 to 1,024. Default 1. */
  readonly slots?: number
  /** False: this node stores no shards for the room. Default true. */
  readonly holdsData?: boolean
  /** False: this node runs no tasks for the room. Default true. */
  readonly takesWork?: boolean
  /** How long the topics that fit a pattern keep their messages. Default: `chat.#` keeps the last 1,000. */
  readonly destinations?: readonly DestinationSettings[]
  /** Called when the node is renamed, so that its owner can remember the name. */
  readonly onRename?: (name: string) => void
  /** Called when data is added on this node, before it is read. */
  readonly onImport?: () => void
  /** Ends the joining; an open node is ended by `close`. */
  readonly signal?: AbortSignal
}

/** A peer as the node shows it. */
export interface NodePeer extends PeerView {
  readonly shardsHeld: number
}

export interface NodeSnapshot {
  readonly id: PeerId
  readonly name: string
  readonly roomId: RoomId
  readonly invite: string
  readonly signaling: SignalingState
  readonly peers: readonly NodePeer[]
  readonly datasets: readonly DatasetInfo[]
  readonly shardsHeld: number
  readonly bytesHeld: number
  readonly storage: { readonly usedBytes: number; readonly quotaBytes: number } | undefined
  readonly holdsData: boolean
  readonly takesWork: boolean
  /** Why the room will not have us (full, wrong invite, other version), or the store failed; undefined when all is well. */
  readonly problem: NodeProblem | undefined
}

export interface NodeProblem {
  readonly code: 'room-full' | 'wrong-invite' | 'version' | 'storage' | 'network'
  /** What happened and what to do, in words for a person. */
  readonly message: string
}

/** `storage`: this device's store was lost, so nothing can be kept. */
export type CloseReason =
  | 'closed'
  | 'drained'
  | 'forgotten'
  | 'room-full'
  | 'wrong-invite'
  | 'version'
  | 'storage'

/**
 * The one public object: what the page does, a script does with this. In the page it is `window.tabmesh`.
 */
export interface MeshNode {
  readonly id: PeerId
  readonly name: string
  readonly roomId: RoomId
  /** Absolute URL with the room secret in its fragment. */
  readonly invite: string
  /** Other members with a proven link. */
  peers(): readonly Member[]
  /** The same object until something changes. */
  getSnapshot(): NodeSnapshot
  subscribe(listener: () => void): () => void
  /** What cannot be seen is taken out of it, as of everybody's. Throws an OptionError when nothing is left. */
  rename(name: string): void
  /** Throws an OptionError, and changes nothing, when one of them is no boolean. */
  configure(switches: { holdsData?: boolean; takesWork?: boolean }): void
  updateProfile(profile: Partial<Pick<MemberProfile, 'isHidden' | 'slots'>>): void
  /** Words split by '.'; subscribing accepts `*` (one word) and `#` (zero or more). */
  topic(name: string): Topic
  /**
   * A name as a topic's. The settings hold for everybody in the room and for good; the first who uses the queue decides, and
   * whoever contradicts is told `settings-conflict`.
   */
  queue(name: string, settings?: Partial<QueueSettings>): Queue
  /**
   * Sends to a queue and resolves with the answer of whoever takes the message (`delivery.reply`). Rejects as `send` does, with
   * `no-reply` after `timeoutMs` (default 30 s), or with `signal.reason`.
   */
  request(queue: string, body: unknown, options?: RequestOptions): Promise<Reply>
  /**
   * What `work` asks of its transaction, in queues, topics and acks, happens once `work` has resolved, all of it or nothing.
   * Rejects with what `work` throws, with `signal.reason`, or with a MessagingError `aborted` whose cause says why: an attempt
   * that is another's by now, a dedupId that is known already, a queue that is full or cannot be reached. Others may see the
   * parts at different moments.
   */
  transaction(work: (tx: Transaction) => unknown, options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Settings by pattern, diverts, and which queues there are: what the room agrees on. */
  readonly destinations: Destinations
  /** Files of any size from one member to another, streamed from disk to disk. */
  readonly files: Files
  readonly history: MessageHistory
  readonly datasets: Datasets
  readonly jobs: Jobs
  /** Finishes what is under way (imports, jobs, outbox), then closes. */
  drain(): Promise<void>
  /** Stops now. Idempotent. */
  close(): Promise<void>
  readonly closed: Promise<CloseReason>
  [Symbol.asyncDispose](): Promise<void>
}
