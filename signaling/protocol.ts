/** PeerJS's alphabet for ids, used for keys and tokens too (peerjs 1.5.5, lib/utils/validateId.ts). */
const ID_PATTERN = /^[A-Za-z0-9]+(?:[ _-][A-Za-z0-9]+)*$/
export const MAX_ID_LENGTH = 64
/** PeerJS payloads nest 4 levels; metadata may add some. Deeper ones only serve to overflow the stacks of receivers. */
export const MAX_PAYLOAD_DEPTH = 32

/** What may be relayed from one peer to another of its key. */
export type RelayedType = 'OFFER' | 'ANSWER' | 'CANDIDATE' | 'LEAVE' | 'EXPIRE'

/** A frame from a peer, checked. `unknown` is what the stock server ignores without a word. */
export type Frame =
  | { readonly kind: 'relay'; readonly type: RelayedType; readonly dst: string; readonly body: object }
  /** LEAVE without a destination: the sender gives its id back. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'unknown' }

/** Sent by the server, at most once each to a connection unless noted. */
export const OPEN_FRAME = '{"type":"OPEN"}'

/** Words of the last frame before a connection is closed; the first four and `taken` are the stock server's. */
const ERRORS = {
  parameters: 'No id, token, or key supplied to websocket server',
  key: 'Invalid key provided',
  token: 'Invalid token provided',
  full: 'Server has reached its concurrent user limit',
  id: 'Invalid id provided',
  keyFull: 'This key has reached its limit of peers',
  taken: 'ID is taken',
  address: 'This address has reached its limit of connections',
} as const
export type ErrorReason = keyof typeof ERRORS

/** Close codes of our own, beside 1001, 1003, 1007 and 1009 of RFC 6455. */
export const CLOSE = { left: 1000, goingAway: 1001, textOnly: 1003, replaced: 4000, tooFast: 4029 } as const

const HEARTBEAT: Frame = { kind: 'heartbeat' }
const LEAVE: Frame = { kind: 'leave' }
const UNKNOWN: Frame = { kind: 'unknown' }

export function isId(text: string): boolean {
  return text.length <= MAX_ID_LENGTH && ID_PATTERN.test(text)
}

export function errorFrame(reason: ErrorReason): string {
  return JSON.stringify({ type: reason === 'taken' ? 'ID-TAKEN' : 'ERROR', payload: { msg: ERRORS[reason] } })
}

/** Tells `dst` that what it sent to `src` was not read in time. */
export function expireFrame(src: string, dst: string): string {
  return JSON.stringify({ type: 'EXPIRE', src, dst })
}

/** The frame in `text`, or undefined where it is malformed. Never throws. */
export function parseFrame(text: string): Frame | undefined {
  const body = parseObject(text)
  if (body === undefined || !('type' in body)) return undefined
  const type = body.type
  if (type === 'HEARTBEAT') return HEARTBEAT
  if (!isRelayed(type)) return typeof type === 'string' ? UNKNOWN : undefined
  const dst = 'dst' in body ? body.dst : undefined
  if (dst === undefined || dst === null || dst === '') return type === 'LEAVE' ? LEAVE : undefined
  if (typeof dst !== 'string' || ('payload' in body && !isShallow(body.payload, MAX_PAYLOAD_DEPTH)))
    return undefined
  return { kind: 'relay', type, dst, body }
}

/**
 * The bytes to relay: the frame with `src` set to the sender's id, whatever it said. A frame of exactly the three
 * members that PeerJS sends is passed on as it came with `src` put in front, which saves writing its JSON again; any
 * other is rebuilt from its four known members. `src` must have been checked by {@link isId}.
 */
export function stamp(frame: Frame & { kind: 'relay' }, bytes: Buffer, src: string): Buffer {
  if (hasPeerJsMembers(frame.body) && bytes[0] === 0x7b) {
    const head = `{"src":"${src}",`
    const stamped = Buffer.allocUnsafe(head.length + bytes.length - 1)
    stamped.write(head, 'latin1')
    bytes.copy(stamped, head.length, 1)
    return stamped
  }
  const payload = 'payload' in frame.body ? frame.body.payload : undefined
  return Buffer.from(JSON.stringify({ type: frame.type, src, dst: frame.dst, payload }))
}

/** `type` and `dst` are known to be there, so three members with a payload are these and no other. */
function hasPeerJsMembers(body: object): boolean {
  return Object.keys(body).length === 3 && Object.hasOwn(body, 'payload')
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    // Not JSON: the caller counts it.
    return undefined
  }
}

function isRelayed(type: unknown): type is RelayedType {
  return (
    type === 'CANDIDATE' || type === 'OFFER' || type === 'ANSWER' || type === 'LEAVE' || type === 'EXPIRE'
  )
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (levels === 0) return false
  for (const member of Object.values(value)) if (!isShallow(member, levels - 1)) return false
  return true
}
