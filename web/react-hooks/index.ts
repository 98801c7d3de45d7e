/**
 * Hooks over the stores that a node has.
 * @module tabmesh/react
 */
export { useDataset, useDatasets } from './use-dataset.ts'
export { useJob } from './use-job.ts'
export { useNodeSnapshot, usePeers } from './use-node.ts'
export { type QueueView, type QueueViewOptions, useQueue } from './use-queue.ts'
export { type RoomView, useRoom } from './use-room.ts'
export { type TopicView, type TopicViewOptions, useTopic } from './use-topic.ts'
