import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RoomId } from '../../../web/base/index.ts'
import { openIndexedDbStore } from '../../../web/storage/indexeddb.ts'
import { openProfileStore } from '../../../web/storage/profile.ts'
import { FakeLocks } from './fake-locks.ts'

const ROOM = 'r'.repeat(32) as RoomId
const OTHER_ROOM = 'q'.repeat(32) as RoomId
let locks: FakeLocks

/** A document with session storage of its own, or that of a duplicated or reloaded one. */
function openDocument(session = new Map<string, string>()) {
  vi.stubGlobal('navigator', { locks })
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => session.get(key) ?? null,
    setItem: (key: string, value: string) => session.set(key, value),
  })
  return session
}

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory())
  locks = new FakeLocks()
  openDocument()
})
afterEach(() => vi.unstubAllGlobals())

describe('profile', () => {
  test('PRO1 name and device are the same for every tab', async () => {
    const [one, two] = await Promise.all([openProfileStore(), openProfileStore()])
    expect(one.deviceId).toMatch(/^[a-z0-9]{8,64}$/)
    expect(two.deviceId).toBe(one.deviceId)
    expect(await two.name()).toBe(await one.name())
    await one.setName('Ada')
    expect(await two.name()).toBe('Ada')
  })

  test('PRO2 rooms are remembered with secret and label, latest first', async () => {
    const profile = await openProfileStore()
    await profile.rememberRoom(ROOM, new Uint8Array(32).fill(7))
    await profile.labelRoom(ROOM, 'class')
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1000)
    await profile.rememberRoom(OTHER_ROOM, new Uint8Array(32).fill(8))
    expect((await profile.rooms()).map(({ roomId, label }) => [roomId, label])).toEqual([
      [OTHER_ROOM, ''],
      [ROOM, 'class'],
    ])
    clock.mockReturnValue(Date.now() + 2000)
    await profile.rememberRoom(ROOM, new Uint8Array(32).fill(7))
    clock.mockRestore()
    expect((await profile.rooms()).map(({ roomId, label }) => [roomId, label])[0]).toEqual([ROOM, 'class'])
    expect(await profile.secretOf(ROOM)).toEqual(new Uint8Array(32).fill(7))
  })

  test('PRO3 a slot has its own key, token and store, the same after a reload', async () => {
    const session = openDocument()
    const profile = await openProfileStore()
    const slot = await profile.claimSlot(ROOM)
    expect(slot.identity.publicKey.byteLength).toBe(32)
    expect((await slot.identity.sign(new Uint8Array([1]))).byteLength).toBe(64)
    slot.release()
    openDocument(session)
    const again = await (await openProfileStore()).claimSlot(ROOM)
    expect([again.number, again.token, again.storeName]).toEqual([slot.number, slot.token, slot.storeName])
    expect(again.identity.publicKey).toEqual(slot.identity.publicKey)
  })

  test('PRO4 two tabs never share a slot; rooms number theirs apart', async () => {
    const profile = await openProfileStore()
    const first = await profile.claimSlot(ROOM)
    openDocument()
    const second = await profile.claimSlot(ROOM)
    openDocument()
    const elsewhere = await profile.claimSlot(OTHER_ROOM)
    expect([first.number, second.number, elsewhere.number]).toEqual([0, 1, 0])
    expect(new Set([first.storeName, second.storeName, elsewhere.storeName]).size).toBe(3)
    expect(new Set([first.token, second.token, elsewhere.token]).size).toBe(3)
  })

  test('PRO5 a reload waits for the slot that its former document lets go late', async () => {
    const profile = await openProfileStore()
    const lowest = await profile.claimSlot(ROOM)
    const session = openDocument()
    const second = await profile.claimSlot(ROOM)
    lowest.release()
    openDocument(session)
    const reloaded = profile.claimSlot(ROOM)
    await vi.waitFor(() => expect(locks.waiting).toBe(1))
    second.release()
    expect((await reloaded).number).toBe(second.number)
  })

  test('PRO5 a duplicated tab gets another slot', async () => {
    const session = openDocument()
    const profile = await openProfileStore()
    const original = await profile.claimSlot(ROOM)
    openDocument(new Map(session))
    const duplicate = await profile.claimSlot(ROOM)
    expect([original.number, duplicate.number]).toEqual([0, 1])
  })

  test('PRO5 an aborted claim leaves no lock', async () => {
    const session = openDocument()
    const profile = await openProfileStore()
    const held = await profile.claimSlot(ROOM)
    openDocument(session)
    const controller = new AbortController()
    const claim = profile.claimSlot(ROOM, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(claim).rejects.toThrow('enough')
    held.release()
    await vi.waitFor(() => expect(locks.held).toBe(0))
  })

  test('PRO6 forgetting a room ends its stores everywhere and deletes its secret', async () => {
    const profile = await openProfileStore()
    await profile.rememberRoom(ROOM, new Uint8Array(32))
    const slot = await profile.claimSlot(ROOM)
    const store = await openIndexedDbStore(slot.storeName, ['one'])
    await store.write([{ table: 'one', key: 1, value: 1 }], 'strict')
    await profile.forgetRoom(ROOM)
    expect(await store.closed).toBe('forgotten')
    expect(await profile.secretOf(ROOM)).toBeUndefined()
    expect(await profile.rooms()).toEqual([])
    slot.release()
    const fresh = await profile.claimSlot(ROOM)
    expect(fresh.storeName).not.toBe(slot.storeName)
    expect(fresh.identity.publicKey).not.toEqual(slot.identity.publicKey)
  })

  test('PRO8 every other store of the profile hears of a room that is remembered, labelled or forgotten', async () => {
    const [first, second] = [await openProfileStore(), await openProfileStore()]
    const lists: Promise<unknown>[] = []
    const stop = second.onRooms(() => lists.push(second.rooms()))
    await first.rememberRoom(ROOM, new Uint8Array(32))
    await vi.waitFor(() => expect(lists).toHaveLength(1))
    await first.labelRoom(ROOM, 'Ours')
    await first.forgetRoom(ROOM)
    await vi.waitFor(() => expect(lists).toHaveLength(3))
    expect(await lists[2]).toEqual([])
    stop()
    await first.rememberRoom(ROOM, new Uint8Array(32))
    await first.close()
    await second.close()
    expect(lists).toHaveLength(3)
  })

  test('PRO7 a browser without Web Locks or Ed25519 is unsupported', async () => {
    const profile = await openProfileStore()
    vi.spyOn(crypto.subtle, 'generateKey').mockRejectedValue(new DOMException('no', 'NotSupportedError'))
    await expect(profile.claimSlot(ROOM)).rejects.toMatchObject({ code: 'unsupported' })
    expect(locks.held).toBe(0)
    vi.restoreAllMocks()
    vi.stubGlobal('navigator', {})
    await expect(openProfileStore()).rejects.toMatchObject({ code: 'unsupported' })
  })
})
