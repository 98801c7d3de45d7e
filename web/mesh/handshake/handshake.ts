import {
  type Clock,
  type Crypto,
  type DeviceId,
  equalBytes,
  type Identity,
  type PeerId,
  type Random,
  type SessionId,
} from '../../base/index.ts'
import type { RoomKeys } from '../invite/index.ts'
import type { Connection } from '../transport/index.ts'
import { HandshakeError } from './errors.ts'
import {
  decodeHandshake,
  encodeAccept,
  encodeClaim,
  encodeHello,
  encodeProof,
  encodeRefuse,
  encodeTranscript,
  type HandshakeMessage,
  type Hello,
  PROTOCOL_VERSION,
} from './handshake-wire.ts'
import { HeldConnection } from './held-connection.ts'
import { derivePeerId } from './peer-id.ts'
import type { ProvenPeer } from './proven-peer.ts'
import { Refusal } from './refusal.ts'
import { ROOM_FULL } from './room-full.ts'
import { isWeakKey } from './weak-key.ts'

/** From the first message to the last. */
export const HANDSHAKE_LIMIT_MS = 10_000

export interface HandshakeOptions {
  readonly connection: Connection
  readonly crypto: Crypto
  readonly clock: Clock
  readonly random: Random
  readonly identity: Identity
  /** Our own; the hash of the identity's key. */
  readonly peerId: PeerId
  readonly room: RoomKeys
  readonly sessionId: SessionId
  readonly deviceId: DeviceId
  /** Which connection of the link this is. Default 0. */
  readonly connectionIndex?: number
  /** Asked once the peer is proven: whether the room has a place for it. */
  readonly admit: (peer: ProvenPeer) => boolean
  /** The connection is no longer needed: ends the handshake with `closed`. */
  readonly signal?: AbortSignal | undefined
  /** Only for tests of other versions. Default {@link PROTOCOL_VERSION}. */
  readonly version?: number
}

export interface HandshakeResult {
  readonly peer: ProvenPeer
  /** To be used from now on: it keeps what has arrived behind the handshake until a link attaches. */
  readonly connection: Connection
}

/**
 * Proves to the other side, and has it prove, the room secret and the ownership of its id on exactly this connection.
 * Rejects with a HandshakeError and closes the connection otherwise; nothing that arrived is then handed on.
 */
export async function shakeHands(options: HandshakeOptions): Promise<HandshakeResult> {
  const held = new HeldConnection(options.connection)
  const progress: Progress = { isPeerProven: false }
  const cancel = options.clock.after(HANDSHAKE_LIMIT_MS, () => held.fail('timeout'))
  const onAbort = () => held.fail('closed')
  options.signal?.addEventListener('abort', onAbort)
  if (options.signal?.aborted) onAbort()
  try {
    const peer = await prove(options, held, progress)
    return { peer, connection: held }
  } catch (error) {
    if (!(error instanceof Refusal)) {
      held.close('fault')
      throw error
    }
    if (error.side === 'self' && error.code !== 'closed')
      held.refuse(encodeRefuse(error.code), error.code, options.clock)
    else held.close(error.code)
    throw new HandshakeError(error.code, wordsFor(error, options), progress.isPeerProven, error.side)
  } finally {
    cancel()
    options.signal?.removeEventListener('abort', onAbort)
  }
}

interface Progress {
  isPeerProven: boolean
}

async function prove(
  options: HandshakeOptions,
  held: HeldConnection,
  progress: Progress,
): Promise<ProvenPeer> {
  const { connection, crypto } = options
  const mine = helloOf(options)
  held.send('control', encodeHello(mine))
  const theirs = await expect(held, 'hello')
  const peerId = await checkHello(options, mine, theirs)
  const role = options.peerId < peerId ? 0 : 1
  const us = { hello: mine, certificate: connection.localCertificate }
  const them = { hello: theirs, certificate: connection.remoteCertificate }
  const sides = role === 0 ? [us, them] : [them, us]
  const transcript = encodeTranscript(options.room.roomId, mine.connectionIndex, sides)
  const mac = await crypto.hmac(options.room.proofKey, encodeClaim('mac', role, transcript))
  held.send(
    'control',
    encodeProof(mac, await options.identity.sign(encodeClaim('signature', role, transcript))),
  )
  await checkProof(options, theirs.publicKey, role === 0 ? 1 : 0, transcript, await expect(held, 'proof'))
  progress.isPeerProven = true
  if (theirs.version !== mine.version) throw new Refusal('version', 'self', theirs.version)
  const peer = { peerId, sessionId: theirs.sessionId, deviceId: theirs.deviceId }
  if (!options.admit(peer)) throw new Refusal('full')
  held.send('control', encodeAccept())
  await expect(held, 'accept')
  return peer
}

function helloOf(options: HandshakeOptions): Hello {
  return {
    version: options.version ?? PROTOCOL_VERSION,
    connectionIndex: options.connectionIndex ?? 0,
    publicKey: options.identity.publicKey,
    nonce: options.random.bytes(32),
    localCertificate: options.connection.localCertificate,
    remoteCertificate: options.connection.remoteCertificate,
    sessionId: options.sessionId,
    deviceId: options.deviceId,
  }
}

async function checkHello(options: HandshakeOptions, mine: Hello, theirs: Hello): Promise<PeerId> {
  const peerId = await derivePeerId(options.crypto, theirs.publicKey)
  if (peerId !== options.connection.claimedPeerId || peerId === options.peerId) throw new Refusal('identity')
  if (isWeakKey(theirs.publicKey)) throw new Refusal('identity')
  const isBound =
    theirs.connectionIndex === mine.connectionIndex &&
    equalBytes(theirs.localCertificate, mine.remoteCertificate) &&
    equalBytes(theirs.remoteCertificate, mine.localCertificate)
  if (!isBound) throw new Refusal('binding')
  return peerId
}

/** Both proofs are computed before either is judged, so that time tells nothing. */
async function checkProof(
  options: HandshakeOptions,
  publicKey: Uint8Array,
  role: 0 | 1,
  transcript: Uint8Array,
  proof: { readonly mac: Uint8Array; readonly signature: Uint8Array },
): Promise<void> {
  const mac = await options.crypto.hmac(options.room.proofKey, encodeClaim('mac', role, transcript))
  const isSigned = await options.crypto.verify(
    publicKey,
    proof.signature,
    encodeClaim('signature', role, transcript),
  )
  if (!equalBytes(mac, proof.mac)) throw new Refusal('wrong-secret')
  if (!isSigned) throw new Refusal('identity')
}

async function expect<Type extends HandshakeMessage['type']>(
  held: HeldConnection,
  type: Type,
): Promise<Extract<HandshakeMessage, { type: Type }>> {
  const message = decodeHandshake(await held.next())
  if (message?.type === 'refuse') throw new Refusal(message.code, 'peer', message.version)
  if (!message || !isOf(message, type)) throw new Refusal('malformed')
  return message
}

function isOf<Type extends HandshakeMessage['type']>(
  message: HandshakeMessage,
  type: Type,
): message is Extract<HandshakeMessage, { type: Type }> {
  return message.type === type
}

function wordsFor(refusal: Refusal, options: HandshakeOptions): string {
  switch (refusal.code) {
    case 'version': {
      const ours = options.version ?? PROTOCOL_VERSION
      return refusal.version !== undefined && refusal.version < ours
        ? 'The other device runs an older version of this page. It must reload the page.'
        : 'This device runs an older version of this page. Reload the page.'
    }
    case 'full':
      return ROOM_FULL
    case 'wrong-secret':
      return 'The proof of the room secret is wrong. Ask somebody in the room for a new copy of the invite.'
    case 'identity':
      return 'The other device does not own the id that it goes by.'
    case 'binding':
      return 'Somebody stands between these two devices: the connection is not the one that was proven.'
    case 'malformed':
      return 'The other device does not speak the protocol of this page.'
    case 'timeout':
      return `The other device did not prove itself within ${HANDSHAKE_LIMIT_MS / 1000} s.`
    case 'closed':
      return 'The connection ended before the other device had proven itself.'
  }
}
