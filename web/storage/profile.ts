import {
  abortable,
  type DeviceId,
  type Identity,
  isTokenId,
  type RoomId,
  toBase32,
  toHex,
  visibleName,
} from '../base/index.ts'
import { StoreError } from './errors.ts'
import { deleteIndexedDbStore, openIndexedDbStore } from './indexeddb.ts'
import { claimNumber, type SlotLock } from './slot-lock.ts'
import type { Store } from './store.ts'

const DATABASE = 'tabmesh.profile'
const META = 'meta'
const ROOMS = 'rooms'
const SLOTS = 'slots'
const FIRST = [
  'Amber',
  'Bright',
  'Calm',
  'Clever',
  'Coral',
  'Gentle',
  'Golden',
  'Keen',
  'Lucky',
  'Quiet',
  'Silver',
  'Swift',
]
const SECOND = [
  'Badger',
  'Crane',
  'Falcon',
  'Finch',
  'Fox',
  'Heron',
  'Lynx',
  'Marten',
  'Otter',
  'Robin',
  'Swan',
  'Wren',
]

/** A room that this browser profile has been in. */
export interface RememberedRoom {
  readonly roomId: RoomId
  /** Wall clock of the last visit. */
  readonly lastOpenedAt: number
  /** Given by the person on this device; empty until then. */
  readonly label: string
}

/** What a tab is in one room for as long as it lives, and again after a reload. */
export interface Slot {
  readonly number: number
  /** The private key cannot be read, only used. */
  readonly identity: Identity
  /** The slot's own secret towards the signaling server. */
  readonly token: string
  /** The database of this slot. */
  readonly storeName: string
  /** Lets another tab have the slot. Closing the document does the same. */
  release(): void
}

/** What one browser profile remembers, shared by its tabs. Every method rejects with a StoreError. */
export interface ProfileStore {
  /** Random, the same for all rooms and tabs of this profile. */
  readonly deviceId: DeviceId
  /** The remembered name, else a generated one that is remembered from now on. */
  name(): Promise<string>
  setName(name: string): Promise<void>
  /** Latest first. */
  rooms(): Promise<readonly RememberedRoom[]>
  /** Keeps the secret (32 bytes) and stamps the visit. */
  rememberRoom(roomId: RoomId, secret: Uint8Array): Promise<void>
  secretOf(roomId: RoomId): Promise<Uint8Array<ArrayBuffer> | undefined>
  labelRoom(roomId: RoomId, label: string): Promise<void>
  /** Deletes the secret, the slots' keys and their stores; stores that other tabs have open end with `forgotten`. */
  forgetRoom(roomId: RoomId): Promise<void>
  /** Hears of rooms that are remembered, labelled or forgotten elsewhere: by other tabs, or through another store of this one. */
  onRooms(listener: () => void): () => void
  /** The slot that this tab had before its reload, else the lowest free one. */
  claimSlot(roomId: RoomId, options?: { readonly signal?: AbortSignal }): Promise<Slot>
  close(): Promise<void>
}

interface RoomRecord {
  readonly secret: ArrayBuffer
  readonly label: string
  readonly lastOpenedAt: number
}

interface SlotRecord {
  readonly keys: CryptoKeyPair
  readonly publicKey: ArrayBuffer
  readonly token: string
  readonly storeName: string
}

/** Rejects with a StoreError: `unsupported` without Web Locks or WebCrypto, `unavailable` when IndexedDB is refused. */
export async function openProfileStore(): Promise<ProfileStore> {
  if (!globalThis.navigator?.locks) throw unsupported('Web Locks')
  if (!globalThis.crypto?.subtle) throw unsupported('WebCrypto')
  const store = await openIndexedDbStore(DATABASE, [META, ROOMS, SLOTS])
  try {
    // Two tabs that open a new profile at once must agree on its device.
    const deviceId = await navigator.locks.request(DATABASE, () => loadDeviceId(store))
    return new IndexedDbProfileStore(store, deviceId)
  } catch (error) {
    await store.close()
    throw error
  }
}

class IndexedDbProfileStore implements ProfileStore {
  readonly deviceId: DeviceId
  readonly #store: Store
  readonly #channel = new BroadcastChannel(DATABASE)

  constructor(store: Store, deviceId: DeviceId) {
    this.#store = store
    this.deviceId = deviceId
  }

  async name(): Promise<string> {
    const known = await this.#store.get(META, 'name')
    if (typeof known === 'string' && visibleName(known) !== '') return known
    const [first = 0, second = 0] = crypto.getRandomValues(new Uint8Array(2))
    const name = `${FIRST[first % FIRST.length]} ${SECOND[second % SECOND.length]}`
    await this.setName(name)
    return name
  }

  async setName(name: string): Promise<void> {
    await this.#store.write([{ table: META, key: 'name', value: name }], 'strict')
  }

  async rooms(): Promise<readonly RememberedRoom[]> {
    const rooms = (await this.#store.entries(ROOMS)).map(([key, value]) => {
      const { label, lastOpenedAt } = value as RoomRecord
      return { roomId: key as RoomId, label, lastOpenedAt }
    })
    return rooms.sort((a, b) => b.lastOpenedAt - a.lastOpenedAt)
  }

  async rememberRoom(roomId: RoomId, secret: Uint8Array): Promise<void> {
    const known = await this.#room(roomId)
    const label = known?.label ?? ''
    await this.#putRoom(roomId, { secret: new Uint8Array(secret).buffer, label, lastOpenedAt: Date.now() })
  }

  async secretOf(roomId: RoomId): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const known = await this.#room(roomId)
    return known && new Uint8Array(known.secret)
  }

  async labelRoom(roomId: RoomId, label: string): Promise<void> {
    const known = await this.#room(roomId)
    if (known) await this.#putRoom(roomId, { ...known, label })
  }

  async forgetRoom(roomId: RoomId): Promise<void> {
    const range = { from: [roomId, 0], to: [roomId, Number.MAX_SAFE_INTEGER] }
    const slots = await this.#store.entries(SLOTS, range)
    await Promise.all(slots.map(([, value]) => deleteIndexedDbStore((value as SlotRecord).storeName)))
    await this.#store.write(
      [
        { table: ROOMS, key: roomId, remove: true },
        { table: SLOTS, range, remove: true },
      ],
      'strict',
    )
    this.#channel.postMessage('rooms')
  }

  async claimSlot(roomId: RoomId, { signal }: { signal?: AbortSignal } = {}): Promise<Slot> {
    const lock = await claimNumber(roomId, signal)
    try {
      return await abortable(this.#slot(roomId, lock), signal)
    } catch (error) {
      lock.release()
      throw error
    }
  }

  onRooms(listener: () => void): () => void {
    const controller = new AbortController()
    this.#channel.addEventListener('message', () => listener(), { signal: controller.signal })
    return () => controller.abort()
  }

  async close(): Promise<void> {
    this.#channel.close()
    await this.#store.close()
  }

  async #slot(roomId: RoomId, lock: SlotLock): Promise<Slot> {
    const key = [roomId, lock.number]
    let record = (await this.#store.get(SLOTS, key)) as SlotRecord | undefined
    if (!record) {
      record = await createSlot(roomId, lock.number)
      await this.#store.write([{ table: SLOTS, key, value: record }], 'strict')
    }
    const { keys, publicKey, token, storeName } = record
    const identity: Identity = {
      publicKey: new Uint8Array(publicKey),
      sign: async (bytes) =>
        new Uint8Array(await crypto.subtle.sign('Ed25519', keys.privateKey, new Uint8Array(bytes))),
    }
    return { number: lock.number, identity, token, storeName, release: lock.release }
  }

  async #room(roomId: RoomId): Promise<RoomRecord | undefined> {
    return (await this.#store.get(ROOMS, roomId)) as RoomRecord | undefined
  }

  async #putRoom(roomId: RoomId, value: RoomRecord): Promise<void> {
    await this.#store.write([{ table: ROOMS, key: roomId, value }], 'strict')
    this.#channel.postMessage('rooms')
  }
}

async function loadDeviceId(store: Store): Promise<DeviceId> {
  const known = await store.get(META, 'device')
  if (isTokenId(known)) return known
  const created = randomText() as DeviceId
  await store.write([{ table: META, key: 'device', value: created }], 'strict')
  return created
}

async function createSlot(roomId: RoomId, number: number): Promise<SlotRecord> {
  let keys: CryptoKeyPair
  try {
    keys = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair
  } catch (cause) {
    throw unsupported('Ed25519 keys', cause)
  }
  const publicKey = await crypto.subtle.exportKey('raw', keys.publicKey)
  // A database name of its own for each key: data of a lost identity is never taken for the new one's.
  const storeName = `tabmesh.room.${roomId}.${number}.${toHex(new Uint8Array(publicKey).subarray(0, 4))}`
  return { keys, publicKey, token: randomText(), storeName }
}

function randomText(): string {
  return toBase32(crypto.getRandomValues(new Uint8Array(16)))
}

function unsupported(what: string, cause?: unknown): StoreError {
  return new StoreError(
    'unsupported',
    `this browser has no ${what}, which Tabmesh needs: update it or use another`,
    { cause },
  )
}
