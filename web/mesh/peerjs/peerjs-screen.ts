import { isRecord } from '../../base/index.ts'

/**
 * What the signaling server may say, as far as we let it through to PeerJS. Everything else ends here: PeerJS itself
 * trusts the shape of what it is handed, keeps what it does not know for ever, closes healthy connections when told that
 * a peer has left signaling, and takes media calls and serializations that we do not offer.
 */
export type SignalingMessage =
  | {
      readonly kind: 'server'
      readonly type: 'OPEN' | 'ID-TAKEN' | 'INVALID-KEY' | 'ERROR'
      readonly payload: { readonly msg: string }
    }
  /** The server could not reach this peer. */
  | { readonly kind: 'absent'; readonly src: string }
  | {
      readonly kind: 'offer'
      readonly src: string
      readonly connectionId: string
      readonly payload: OfferPayload
    }
  | {
      readonly kind: 'answer'
      readonly src: string
      readonly connectionId: string
      readonly payload: AnswerPayload
    }
  | {
      readonly kind: 'candidate'
      readonly src: string
      readonly connectionId: string
      readonly candidate: RTCIceCandidateInit
    }

export interface AnswerPayload {
  readonly type: 'data'
  readonly connectionId: string
  readonly sdp: { readonly type: 'offer' | 'answer'; readonly sdp: string }
}

export interface OfferPayload extends AnswerPayload {
  readonly label: string
  readonly reliable: true
  readonly serialization: 'raw'
}

const LABEL = 'tabmesh-'
const MAX_ID_CHARACTERS = 64
const MAX_SDP_CHARACTERS = 32 * 1024
const MAX_CANDIDATE_CHARACTERS = 1024

/** The message with exactly the fields that are used, or undefined for anything else. */
export function readSignaling(raw: unknown): SignalingMessage | undefined {
  if (!isRecord(raw)) return undefined
  const { type, src } = raw
  switch (type) {
    case 'OPEN':
    case 'ID-TAKEN':
    case 'INVALID-KEY':
    case 'ERROR':
      return { kind: 'server', type, payload: { msg: serverText(raw['payload']) } }
    case 'LEAVE':
    case 'EXPIRE':
      return isId(src) ? { kind: 'absent', src } : undefined
    case 'OFFER':
    case 'ANSWER':
    case 'CANDIDATE':
      return isId(src) && isRecord(raw['payload']) ? readPeerMessage(type, src, raw['payload']) : undefined
    default:
      return undefined
  }
}

function readPeerMessage(
  type: 'OFFER' | 'ANSWER' | 'CANDIDATE',
  src: string,
  payload: Readonly<Record<string, unknown>>,
): SignalingMessage | undefined {
  const { connectionId } = payload
  if (!isId(connectionId) || payload['type'] !== 'data') return undefined
  if (type === 'CANDIDATE') {
    const candidate = readCandidate(payload['candidate'])
    return candidate && { kind: 'candidate', src, connectionId, candidate }
  }
  const description = type === 'OFFER' ? 'offer' : 'answer'
  const sdp = readDescription(payload['sdp'], description)
  if (!sdp) return undefined
  const answer: AnswerPayload = { type: 'data', connectionId, sdp: { type: description, sdp } }
  if (type === 'ANSWER') return { kind: 'answer', src, connectionId, payload: answer }
  if (payload['serialization'] !== 'raw' || payload['reliable'] !== true) return undefined
  return {
    kind: 'offer',
    src,
    connectionId,
    payload: { ...answer, label: labelOf(indexOf(payload['label'])), reliable: true, serialization: 'raw' },
  }
}

/** PeerJS hands a connection's label to the other side: it says which of a link's connections this is. */
export function labelOf(index: number): string {
  return `${LABEL}${index}`
}

/** 0 for every other label: stock PeerJS makes up its own. */
export function indexOf(label: unknown): number {
  const digits = typeof label === 'string' && label.startsWith(LABEL) ? label.slice(LABEL.length) : ''
  return /^\d{1,2}$/.test(digits) ? Number(digits) : 0
}

/** Of several fingerprints an engine takes any one it likes, so a description has exactly one or none is accepted. */
function readDescription(value: unknown, type: string): string | undefined {
  if (!isRecord(value) || value['type'] !== type) return undefined
  const { sdp } = value
  if (typeof sdp !== 'string' || sdp.length > MAX_SDP_CHARACTERS) return undefined
  return readFingerprint(sdp) && sdp
}

function readCandidate(value: unknown): RTCIceCandidateInit | undefined {
  if (!isRecord(value)) return undefined
  const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = value
  if (typeof candidate !== 'string' || candidate.length > MAX_CANDIDATE_CHARACTERS) return undefined
  return {
    candidate,
    sdpMid: isId(sdpMid) ? sdpMid : null,
    sdpMLineIndex: sdpMLineIndex === 0 ? 0 : null,
    usernameFragment:
      typeof usernameFragment === 'string' && usernameFragment.length <= 256 ? usernameFragment : null,
  }
}

/** The certificate hash that a description names: 32 bytes, or undefined unless there is exactly one, by SHA-256. */
export function readFingerprint(sdp: string): Uint8Array<ArrayBuffer> | undefined {
  const lines = sdp.match(/^a=fingerprint:.*$/gim)
  if (lines?.length !== 1) return undefined
  const hex = /^a=fingerprint:sha-256 ([0-9a-f]{2}(?::[0-9a-f]{2}){31})\s*$/i.exec(lines[0] as string)?.[1]
  return hex === undefined ? undefined : Uint8Array.from(hex.split(':'), (pair) => Number.parseInt(pair, 16))
}

function serverText(payload: unknown): string {
  const text = isRecord(payload) ? payload['msg'] : undefined
  return typeof text === 'string' ? text.slice(0, 200) : ''
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_CHARACTERS
}
