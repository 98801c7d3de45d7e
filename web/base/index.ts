export { abortable, sleep, TimeoutError, withTimeout } from './abort.ts'
export { concatBytes, equalBytes, fromBase32, fromUtf8, toBase32, toHex, toUtf8 } from './bytes.ts'
export { type Clock, delayOf, every, MAX_TIMER_MS } from './clock.ts'
export type { Crypto, Identity } from './crypto.ts'
export { reasonText, TabmeshError } from './errors.ts'
export { GroupCommit } from './group-commit.ts'
export { entriesOf, isCount, isRecord } from './guards.ts'
export {
  type DatasetId,
  type DeviceId,
  isPeerId,
  isRoomId,
  isShardId,
  isTokenId,
  type JobId,
  type MessageId,
  type PeerId,
  type RoomId,
  type SessionId,
  type ShardId,
} from './ids.ts'
export { Intervals } from './intervals.ts'
export { MAX_INVITE_TEXT_CHARACTERS } from './invite-text-limit.ts'
export { Listeners } from './listeners.ts'
export { option } from './option.ts'
export { OptionError } from './option-error.ts'
export { createSeededRandom, type Random, randomBelow, randomToken, shuffled } from './random.ts'
export { Stream, StreamError } from './stream.ts'
export { Turns } from './turns.ts'
export { MAX_NAME_CHARACTERS, nameLikeness, visibleName } from './visible-name.ts'
