import {
  type DeviceId,
  isCount,
  isPeerId,
  isRecord,
  isTokenId,
  MAX_NAME_CHARACTERS,
  type PeerId,
  type SessionId,
  visibleName,
} from '../../base/index.ts'
import type { MemberProfile } from './member.ts'

/** Peers that one announcement may list; far more than a room takes. */
export const MAX_HEARD = 64
export const MAX_LEFT = 16
const MAX_CAPACITY = 1024
const MAX_SLOTS = 1024
const CONTROL_CHARACTER = /\p{Cc}/u

/**
 * What a member says of itself. It makes a new version at each change; the newest of its newest session counts. Members
 * pass it on to those that do not hear the owner, and are believed in that.
 */
export interface Announcement extends MemberProfile {
  readonly peerId: PeerId
  readonly sessionId: SessionId
  /** The owner's wall clock at the start of the session: tells which of two sessions is the newer one. */
  readonly startedAt: number
  readonly version: number
  readonly deviceId: DeviceId
  /** Peers with which the owner has a proven, live link. */
  readonly hears: readonly PeerId[]
  /** Sessions that said goodbye to the owner of late. */
  readonly left: readonly SessionId[]
  /** False while the owner is new: of those who came at the same moment the ones beyond the room's limit go again. */
  readonly isSettled: boolean
  /** The owner's goodbye. */
  readonly isLeaving: boolean
}

export function isAnnouncement(value: unknown): value is Announcement {
  if (!isRecord(value)) return false
  const { peerId, sessionId, startedAt, version, deviceId, hears, left, isSettled, isLeaving } = value
  return (
    isPeerId(peerId) &&
    isTokenId(sessionId) &&
    isTokenId(deviceId) &&
    isCount(startedAt) &&
    isCount(version) &&
    isListOf(hears, isPeerId, MAX_HEARD) &&
    isListOf(left, isTokenId, MAX_LEFT) &&
    typeof isSettled === 'boolean' &&
    typeof isLeaving === 'boolean' &&
    isProfile(value)
  )
}

/** True for what may stand in a {@link MemberProfile}; other keys are not looked at. */
export function isProfile(value: { readonly [key: string]: unknown }): boolean {
  const { name, capacity, slots, isHidden } = value
  return (
    isName(name) &&
    typeof capacity === 'number' &&
    capacity >= 0 &&
    capacity <= MAX_CAPACITY &&
    isCount(slots, 0, MAX_SLOTS) &&
    typeof isHidden === 'boolean'
  )
}

/** 1 to 64 characters (code points), no control characters, no half of a pair: that would not travel. */
export function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > 2 * MAX_NAME_CHARACTERS) return false
  return [...value].length <= MAX_NAME_CHARACTERS && value.isWellFormed() && !CONTROL_CHARACTER.test(value)
}

/** What its owner calls itself, fit to be shown: every view takes it from here. */
export function shownName({ name, peerId }: Announcement): string {
  return visibleName(name) || peerId.slice(0, 6)
}

/** Whether `a` is what its owner said after `b`. */
export function isNewer(a: Announcement, b: Announcement): boolean {
  if (a.sessionId === b.sessionId) return a.version > b.version
  if (a.startedAt !== b.startedAt) return a.startedAt > b.startedAt
  return a.sessionId > b.sessionId
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean, max: number): boolean {
  return Array.isArray(value) && value.length <= max && value.every(isItem)
}
