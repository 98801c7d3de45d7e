export type { AddressSettings } from './address-settings.ts'
export type { Destinations, DivertOptions } from './destinations.ts'
export type {
  AckMode,
  BrowsedMessage,
  BrowseOptions,
  ConsumeOptions,
  Consumption,
  Delivery,
  MoveOptions,
  Queue,
  Reply,
  RequestOptions,
  SendOptions,
  SendResult,
} from './queue.ts'
export { type LoadedQueues, loadQueues, Queues } from './queues.ts'
export { type Routing, subscriptionQueue } from './routing.ts'
export type { FullPolicy, QueueSettings } from './settings.ts'
export type { ConsumerStats, QueueStats } from './stats.ts'
export { QUEUE_TABLES } from './tables.ts'
export type { Transaction } from './transaction.ts'
