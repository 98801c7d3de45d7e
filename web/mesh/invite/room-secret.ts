import {
  type Crypto,
  concatBytes,
  equalBytes,
  fromBase32,
  type Random,
  type RoomId,
  toBase32,
} from '../../base/index.ts'
import { InviteError } from './errors.ts'
import { addressesOf, codesIn } from './invite-text.ts'

export const ROOM_SECRET_BYTES = 32
const ROOM_ID_BYTES = 20
const CHECK_BYTES = 4

/** What the room secret gives: the id that the signaling server sees, and the key that proves the secret to members. */
export interface RoomKeys {
  readonly roomId: RoomId
  readonly proofKey: Uint8Array
}

export function createRoomSecret(random: Random): Uint8Array<ArrayBuffer> {
  return random.bytes(ROOM_SECRET_BYTES)
}

/** One-way: neither result tells the other, nor the secret. */
export async function deriveRoom(crypto: Crypto, secret: Uint8Array): Promise<RoomKeys> {
  if (secret.byteLength !== ROOM_SECRET_BYTES)
    throw new RangeError(`a room secret has ${ROOM_SECRET_BYTES} bytes`)
  const roomId = toBase32(await crypto.derive(secret, 'tabmesh/1 room id', ROOM_ID_BYTES)) as RoomId
  return { roomId, proofKey: await crypto.derive(secret, 'tabmesh/1 proof key', 32) }
}

/** The page's address with the secret, and a check against typing mistakes, in the fragment. */
export function encodeInvite(base: string, secret: Uint8Array): string {
  const address = base.split('#', 1)[0] as string
  return `${address}#${toBase32(concatBytes([secret, checkOf(secret)]))}`
}

/** What an invite says. */
export interface Invite {
  readonly secret: Uint8Array<ArrayBuffer>
  /** 58 characters, a to z and 2 to 7. */
  readonly code: string
  /** Of the page that the link leads to, the likeliest first; none where the code came alone. */
  readonly addresses: readonly string[]
}

/**
 * The first invite in a text: a link, its code alone, or either in a message, in whatever a chat app or mailer makes of it.
 * Throws an {@link InviteError} where there is none. At most 8,192 characters are looked at.
 */
export function readInvite(text: string): Invite {
  let hasMistake = false
  for (const code of codesIn(text)) {
    const secret = secretOf(code)
    if (secret) return { secret, code, addresses: addressesOf(text, code) }
    hasMistake = true
  }
  throw badInvite(hasMistake ? 'This invite has a mistake in it.' : 'This is not a complete invite.')
}

/** The room secret of {@link readInvite}. */
export function decodeInvite(text: string): Uint8Array {
  return readInvite(text).secret
}

/** Undefined unless the check is the secret's. */
function secretOf(code: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = fromBase32(code)
  const secret = bytes?.slice(0, ROOM_SECRET_BYTES)
  return bytes && secret && equalBytes(bytes.subarray(ROOM_SECRET_BYTES), checkOf(secret))
    ? secret
    : undefined
}

function badInvite(what: string): InviteError {
  return new InviteError(
    'bad-invite',
    `${what} Copy the whole link from somebody in the room and open it again.`,
  )
}

/** CRC-32 (ISO 3309): against mistakes, not against people. */
function checkOf(bytes: Uint8Array): Uint8Array {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  const check = new Uint8Array(CHECK_BYTES)
  new DataView(check.buffer).setUint32(0, ~crc >>> 0)
  return check
}
