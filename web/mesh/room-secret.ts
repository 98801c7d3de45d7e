import {
  type Crypto,
  concatBytes,
  equalBytes,
  fromBase32,
  type Random,
  type RoomId,
  toBase32,
} from '../base/index.ts'
import { InviteError } from './errors.ts'

export const ROOM_SECRET_BYTES = 32
const ROOM_ID_BYTES = 20
const CHECK_BYTES = 4
/** Base32 of secret and check: told from a room id (32 characters) by its length. */
const INVITE_CHARACTERS = 58

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

/** The room secret of an invite, or of its fragment alone; throws an {@link InviteError} for any other text. */
export function decodeInvite(text: string): Uint8Array {
  const fragment = text
    .trim()
    .slice(text.trim().lastIndexOf('#') + 1)
    .toLowerCase()
  const bytes = fragment.length === INVITE_CHARACTERS ? fromBase32(fragment) : undefined
  if (!bytes) throw badInvite('This is not a complete invite.')
  const secret = bytes.slice(0, ROOM_SECRET_BYTES)
  if (!equalBytes(bytes.subarray(ROOM_SECRET_BYTES), checkOf(secret)))
    throw badInvite('This invite has a mistake in it.')
  return secret
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
