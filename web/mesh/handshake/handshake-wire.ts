import {
  concatBytes,
  type DeviceId,
  fromUtf8,
  isTokenId,
  type RoomId,
  type SessionId,
  toUtf8,
} from '../../base/index.ts'
import { HANDSHAKE_CODES, type HandshakeCode } from './errors.ts'

/** The layout of the handshake's messages never changes, so that two protocol versions can still prove who they are. */
export const PROTOCOL_VERSION = 2
const MAGIC = toUtf8('tabmesh')
const HELLO = 1
const PROOF = 2
const ACCEPT = 3
const REFUSE = 4
const KEY_BYTES = 32
const NONCE_BYTES = 32
const CERTIFICATE_BYTES = 32
const MAC_BYTES = 32
const SIGNATURE_BYTES = 64

export interface Hello {
  readonly version: number
  /** Which connection of the link this is; the first is 0. */
  readonly connectionIndex: number
  readonly publicKey: Uint8Array
  readonly nonce: Uint8Array
  /** The certificates as the sender sees them. Compared for a clear refusal; what is proven is each side's own sight. */
  readonly localCertificate: Uint8Array
  readonly remoteCertificate: Uint8Array
  readonly sessionId: SessionId
  readonly deviceId: DeviceId
}

/** All that passes on the control lane before a link exists. Both sides send each. */
export type HandshakeMessage =
  | ({ readonly type: 'hello' } & Hello)
  /** After both hellos: HMAC by the room's proof key, and signature by the sender's own key. */
  | { readonly type: 'proof'; readonly mac: Uint8Array; readonly signature: Uint8Array }
  /** The other's proof is right; frames may follow. */
  | { readonly type: 'accept' }
  /** The end, with the sender's protocol version. */
  | { readonly type: 'refuse'; readonly code: HandshakeCode; readonly version: number }

export function encodeHello(hello: Hello): Uint8Array {
  const session = toUtf8(hello.sessionId)
  const device = toUtf8(hello.deviceId)
  return concatBytes([
    Uint8Array.of(HELLO),
    MAGIC,
    uint16(hello.version),
    Uint8Array.of(hello.connectionIndex),
    hello.publicKey,
    hello.nonce,
    hello.localCertificate,
    hello.remoteCertificate,
    Uint8Array.of(session.byteLength),
    session,
    Uint8Array.of(device.byteLength),
    device,
  ])
}

export function encodeProof(mac: Uint8Array, signature: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(PROOF), mac, signature])
}

export function encodeAccept(): Uint8Array {
  return Uint8Array.of(ACCEPT)
}

export function encodeRefuse(code: HandshakeCode): Uint8Array {
  return concatBytes([Uint8Array.of(REFUSE, HANDSHAKE_CODES.indexOf(code)), uint16(PROTOCOL_VERSION)])
}

/** Undefined for anything that is not exactly one message of the handshake. */
export function decodeHandshake(bytes: Uint8Array): HandshakeMessage | undefined {
  const reader = new Reader(bytes)
  switch (reader.take(1)?.[0]) {
    case HELLO:
      return decodeHello(reader)
    case PROOF: {
      const mac = reader.take(MAC_BYTES)
      const signature = reader.take(SIGNATURE_BYTES)
      return mac && signature && reader.isAtEnd ? { type: 'proof', mac, signature } : undefined
    }
    case ACCEPT:
      return reader.isAtEnd ? { type: 'accept' } : undefined
    case REFUSE: {
      const code = HANDSHAKE_CODES[reader.take(1)?.[0] ?? -1]
      const version = reader.uint16()
      return code && version !== undefined && reader.isAtEnd ? { type: 'refuse', code, version } : undefined
    }
    default:
      return undefined
  }
}

function decodeHello(reader: Reader): HandshakeMessage | undefined {
  const magic = reader.take(MAGIC.byteLength)
  const version = reader.uint16()
  const connectionIndex = reader.take(1)?.[0]
  const publicKey = reader.take(KEY_BYTES)
  const nonce = reader.take(NONCE_BYTES)
  const localCertificate = reader.take(CERTIFICATE_BYTES)
  const remoteCertificate = reader.take(CERTIFICATE_BYTES)
  const sessionId = reader.token()
  const deviceId = reader.token()
  if (!magic || MAGIC.some((byte, i) => byte !== magic[i]) || !reader.isAtEnd) return undefined
  if (version === undefined || connectionIndex === undefined || !publicKey || !nonce) return undefined
  if (!localCertificate || !remoteCertificate || !sessionId || !deviceId) return undefined
  const certificates = { localCertificate, remoteCertificate }
  return { type: 'hello', version, connectionIndex, publicKey, nonce, ...certificates, sessionId, deviceId }
}

/** What one side brings into the transcript. */
export interface TranscriptSide {
  readonly hello: Hello
  /** The hash of the certificate that this side's DTLS used, as the prover or verifier itself sees it. */
  readonly certificate: Uint8Array
}

/**
 * What both sides prove: every field with its length before it, so that no two transcripts have the same bytes. `sides`
 * are ordered by PeerId; that order gives the roles.
 */
export function encodeTranscript(
  roomId: RoomId,
  connectionIndex: number,
  sides: readonly TranscriptSide[],
): Uint8Array {
  const fields: Uint8Array[] = [toUtf8('tabmesh handshake'), toUtf8(roomId), Uint8Array.of(connectionIndex)]
  for (const { hello, certificate } of sides) {
    fields.push(uint16(hello.version), hello.publicKey, certificate, hello.nonce)
    fields.push(toUtf8(hello.sessionId), toUtf8(hello.deviceId))
  }
  return concatBytes(fields.flatMap((field) => [uint16(field.byteLength), field]))
}

/** The bytes of a role's MAC or signature. The role inside is what keeps a proof from being sent back. */
export function encodeClaim(kind: 'mac' | 'signature', role: 0 | 1, transcript: Uint8Array): Uint8Array {
  return concatBytes([toUtf8(`tabmesh/1 handshake ${kind} ${role}\0`), transcript])
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff)
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.byteLength
  }

  take(length: number): Uint8Array | undefined {
    if (this.#at + length > this.#bytes.byteLength) return undefined
    this.#at += length
    return this.#bytes.slice(this.#at - length, this.#at)
  }

  uint16(): number | undefined {
    const bytes = this.take(2)
    return bytes && ((bytes[0] as number) << 8) + (bytes[1] as number)
  }

  token(): (SessionId & DeviceId) | undefined {
    const bytes = this.take(this.take(1)?.[0] ?? 0)
    if (!bytes || bytes.some((byte) => byte > 0x7f)) return undefined
    const text = fromUtf8(bytes)
    return isTokenId(text) ? text : undefined
  }
}
