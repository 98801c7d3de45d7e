import { isCount, isPeerId, isRecord, type PeerId, reasonText, TabmeshError } from '../../base/index.ts'
import { decodeValue, encodeValue, type Value, WireError } from '../../wire/index.ts'
import { type Announcement, isAnnouncement } from '../membership/index.ts'

/** Channels and methods are names like `data.shard`. */
export const MAX_CALL_NAME_CHARACTERS = 64
const MAX_CODE_CHARACTERS = 64
const MAX_ERROR_CHARACTERS = 1000

/** What passes between two members; the sender is whoever the link has proven. */
export type CallMessage =
  | { readonly type: 'notify'; readonly channel: string; readonly body: unknown }
  /** The caller numbers its requests to a peer; `answer`, `failure` and `cancel` name the number. */
  | { readonly type: 'request'; readonly id: number; readonly method: string; readonly body: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly code: string; readonly message: string }
  /** The caller no longer waits; the handler's signal aborts. */
  | { readonly type: 'cancel'; readonly id: number }

/** All frames of a link, each one encoded value. */
export type MeshMessage =
  | CallMessage
  /** A member's word about itself, sent by it or passed on. */
  | { readonly type: 'announce'; readonly announcement: Announcement }
  /**
   * A call message in bytes for a member without a link to its sender. One hop: whoever gets it for somebody else hands it
   * to that peer only when `from` is the link's own peer.
   */
  | { readonly type: 'forward'; readonly to: PeerId; readonly from: PeerId; readonly frame: Uint8Array }
  /** Another message in bytes, numbered: it may come over several connections, and more than once. */
  | { readonly type: 'spread'; readonly number: number; readonly frame: Uint8Array }
  | { readonly type: 'spread-ack'; readonly number: number }

export function encodeMessage(message: MeshMessage): Uint8Array {
  return encodeValue(message as Value)
}

/** Undefined for bytes that are no message. */
export function decodeMessage(bytes: Uint8Array): MeshMessage | undefined {
  let value: unknown
  try {
    value = decodeValue(bytes)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
  return isMeshMessage(value) ? value : undefined
}

export function isCallMessage(message: MeshMessage): message is CallMessage {
  const { type } = message
  return type !== 'announce' && type !== 'forward' && type !== 'spread' && type !== 'spread-ack'
}

/** What the caller is told of an error of the handler. */
/** What a request gets back. */
export type Answer = Extract<CallMessage, { type: 'answer' | 'failure' }>

export function failureOf(id: number, error: unknown): Answer {
  return failure(id, error instanceof TabmeshError ? error.code : 'failed', reasonText(error))
}

export function failure(id: number, code: string, message: string): Answer {
  return {
    type: 'failure',
    id,
    code: code.slice(0, MAX_CODE_CHARACTERS),
    message: message.slice(0, MAX_ERROR_CHARACTERS),
  }
}

function isCallName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_CALL_NAME_CHARACTERS
}

function isMeshMessage(value: unknown): value is MeshMessage {
  if (!isRecord(value)) return false
  switch (value['type']) {
    case 'notify':
      return isCallName(value['channel'])
    case 'request':
      return isCount(value['id']) && isCallName(value['method'])
    case 'answer':
    case 'cancel':
      return isCount(value['id'])
    case 'failure':
      return (
        isCount(value['id']) &&
        isText(value['code'], MAX_CODE_CHARACTERS) &&
        isText(value['message'], MAX_ERROR_CHARACTERS)
      )
    case 'announce':
      return isAnnouncement(value['announcement'])
    case 'forward':
      return isPeerId(value['to']) && isPeerId(value['from']) && value['frame'] instanceof Uint8Array
    case 'spread':
      return isCount(value['number']) && value['frame'] instanceof Uint8Array
    case 'spread-ack':
      return isCount(value['number'])
    default:
      return false
  }
}

function isText(value: unknown, max: number): boolean {
  return typeof value === 'string' && value.length <= max
}
