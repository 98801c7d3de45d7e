declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** Base32 of the first 20 bytes of the SHA-256 of a node's public key: 32 characters of `a-z2-7`. */
export type PeerId = Branded<'PeerId'>
/** Base32 of 20 bytes derived from the room secret: 32 characters of `a-z2-7`. */
export type RoomId = Branded<'RoomId'>
/** One start-to-stop life of a node; new on reload. */
export type SessionId = Branded<'SessionId'>
/** A browser profile: the failure domain that replicas avoid sharing. */
export type DeviceId = Branded<'DeviceId'>
/** Lower-case hexadecimal SHA-256 of the shard's bytes: 64 characters. */
export type ShardId = Branded<'ShardId'>
export type DatasetId = Branded<'DatasetId'>
export type JobId = Branded<'JobId'>
/** `<sender PeerId>/<stream>/<number>`: a stream is one life of the sender, or of its store. */
export type MessageId = Branded<'MessageId'>

const BASE32_ID = /^[a-z2-7]{32}$/
const HEX_SHA256 = /^[0-9a-f]{64}$/
const TOKEN = /^[a-z0-9]{8,64}$/

export function isPeerId(value: unknown): value is PeerId {
  return typeof value === 'string' && BASE32_ID.test(value)
}

export function isRoomId(value: unknown): value is RoomId {
  return typeof value === 'string' && BASE32_ID.test(value)
}

export function isShardId(value: unknown): value is ShardId {
  return typeof value === 'string' && HEX_SHA256.test(value)
}

/** Sessions, devices, datasets and jobs carry random tokens: 8 to 64 characters of `a-z0-9`. */
export function isTokenId(value: unknown): value is SessionId & DeviceId & DatasetId & JobId {
  return typeof value === 'string' && TOKEN.test(value)
}
