import { FILE_TABLES } from './files/index.ts'
import { HISTORY_TABLES } from './kept.ts'
import { QUEUE_TABLES } from './queue/index.ts'

export type { DestinationSettings } from './destination.ts'
export { MessagingError, type MessagingErrorCode } from './errors.ts'
export type {
  FileInfo,
  Files,
  FileTransfer,
  SharedFile,
  TransferSnapshot,
  TransferState,
} from './files/index.ts'
export { MAX_BODY_BYTES } from './item.ts'
export type { Level } from './level.ts'
export { type LoadedMessages, loadMessages } from './load.ts'
export { createMessaging, type Messaging } from './messaging.ts'
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
  FullPolicy,
  MoveOptions,
  Queue,
  QueueSettings,
  QueueStats,
  Reply,
  RequestOptions,
  SendOptions,
  SendResult,
  Transaction,
} from './queue/index.ts'
export { SelectorError } from './selector/index.ts'
export type {
  HistoryEntry,
  Message,
  MessageHistory,
  PublishOptions,
  PublishResult,
  SubscribeOptions,
  Subscription,
  Topic,
} from './topic.ts'

/** What this layer's store must have been opened with. */
export const MESSAGING_TABLES: readonly string[] = [...HISTORY_TABLES, ...QUEUE_TABLES, ...FILE_TABLES]
