import { COMPUTE_TABLES } from './compute/index.ts'
import { DATA_TABLES } from './data/index.ts'
import { MESSAGING_TABLES } from './messaging/index.ts'
import { openLayers } from './node-layers.ts'
import { checkNodeOptions } from './node-options.ts'
import { RoomNode } from './node-room.ts'
import type { MeshNode, NodeOptions } from './node-shape.ts'

export { OptionError } from './base/index.ts'
export type {
  AttemptState,
  AttemptView,
  FoldContext,
  FoldFunction,
  Job,
  JobCounters,
  JobErrorCode,
  JobKey,
  JobProgress,
  JobSnapshot,
  JobState,
  MapContext,
  MapFunction,
  MapReduceOptions,
  RunningWork,
  TaskView,
} from './compute/index.ts'
// What an embedder names beside the node: errors to match on, and the shapes of options and answers.
export {
  ComputeError,
  type ComputeErrorCode,
  JobError,
  SandboxError,
  type SandboxErrorCode,
} from './compute/index.ts'
export type {
  AddOptions,
  AddProgress,
  ColumnType,
  Dataset,
  DatasetFormat,
  DatasetInfo,
  Preview,
  ShardView,
} from './data/index.ts'
export { DataError, type DataErrorCode } from './data/index.ts'
// The rooms' keys, for those who make ports: layer 6 imports nothing of the layers below.
export {
  createRoomSecret,
  decodeInvite,
  derivePeerId,
  deriveRoom,
  type Invite,
  InviteError,
  RoomError,
  type RoomKeys,
  readInvite,
  TransportError,
} from './mesh/index.ts'
export type {
  AckMode,
  AddressSettings,
  BrowsedMessage,
  BrowseOptions,
  ConsumeOptions,
  ConsumerStats,
  Consumption,
  Delivery,
  Destinations,
  DivertOptions,
  FileInfo,
  Files,
  FileTransfer,
  FullPolicy,
  HistoryEntry,
  Level,
  Message,
  MoveOptions,
  PublishOptions,
  PublishResult,
  Queue,
  QueueSettings,
  QueueStats,
  Reply,
  RequestOptions,
  SendOptions,
  SendResult,
  SharedFile,
  SubscribeOptions,
  Subscription,
  Transaction,
  TransferSnapshot,
  TransferState,
} from './messaging/index.ts'
export { MessagingError, type MessagingErrorCode, SelectorError } from './messaging/index.ts'
export { MAX_SLOTS } from './node-options.ts'
export type {
  CloseReason,
  MeshNode,
  NodeOptions,
  NodePeer,
  NodePorts,
  NodeProblem,
  NodeSnapshot,
} from './node-shape.ts'
export { StoreError, type StoreErrorCode } from './storage/index.ts'

/** What a store must have been opened with. */
export const NODE_TABLES: readonly string[] = [...MESSAGING_TABLES, ...DATA_TABLES, ...COMPUTE_TABLES]

/**
 * Joins the room. Resolves once what is kept here has been read and the first attempt to reach signaling has ended either
 * way: alone, a node works on what it has. Rejects with a StoreError, a RoomError or `signal.reason`; the ports are then
 * closed, as they are when the node ends. Rejects with an OptionError before anything is opened.
 */
export async function createNode(options: NodeOptions): Promise<MeshNode> {
  const checked = checkNodeOptions(options)
  const layers = await openLayers(checked)
  return new RoomNode(checked, layers)
}
