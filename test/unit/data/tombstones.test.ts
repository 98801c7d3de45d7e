import { describe, expect, test } from 'vitest'
import type { DatasetId, PeerId } from '../../../web/base/index.ts'
import { MAX_TOMBSTONES, MAX_TOMBSTONES_PER_MEMBER } from '../../../web/data/limits.ts'
import { readTombstone, Tombstones } from '../../../web/data/tombstones.ts'

const idOf = (n: number) => `dataset${n}` as DatasetId
const memberOf = (n: number) => 'abcdefgh'.charAt(n).repeat(32) as PeerId

describe('tombstones', () => {
  test('SHD15 those of one member make only its own oldest forgotten', () => {
    const tombstones = new Tombstones()
    tombstones.add('first' as DatasetId, memberOf(0))
    for (let n = 0; n < MAX_TOMBSTONES_PER_MEMBER; n++)
      expect(tombstones.add(idOf(n), memberOf(1))).toEqual([])
    expect(tombstones.hasRoomFor(memberOf(1))).toBe(false)
    expect(tombstones.hasRoomFor(memberOf(0))).toBe(true)
    expect(tombstones.add('last' as DatasetId, memberOf(1))).toEqual([idOf(0)])
    expect(tombstones.has('first' as DatasetId)).toBe(true)
    expect(tombstones.size).toBe(MAX_TOMBSTONES_PER_MEMBER + 1)
  })

  test('SHD15 those of all make the oldest of all forgotten, after a reload too', () => {
    const tombstones = new Tombstones()
    const members = MAX_TOMBSTONES / MAX_TOMBSTONES_PER_MEMBER + 1
    for (let n = 0; n < MAX_TOMBSTONES; n++) tombstones.add(idOf(n), memberOf(n % members))
    expect(tombstones.hasRoomFor(memberOf(7))).toBe(false)
    expect(tombstones.add(idOf(MAX_TOMBSTONES), memberOf(7))).toEqual([idOf(0)])
    const rows = [...tombstones.ids()].map((id) => [id, readTombstone(tombstones.get(id))] as const)
    const again = new Tombstones()
    const kept = rows.flatMap(([id, row]) => (row ? [[id, row] as const] : [])).reverse()
    expect(again.load(kept)).toEqual([])
    expect(again.size).toBe(MAX_TOMBSTONES)
    expect(again.add(idOf(MAX_TOMBSTONES + 1), memberOf(7))).toEqual([idOf(1)])
  })

  test('SHD8 a row without who told of it is a tombstone, anything else is none', () => {
    expect(readTombstone({ dropped: true })).toEqual({ dropped: true, by: undefined, at: 0 })
    for (const value of [undefined, null, 1, {}, { dropped: false }])
      expect(readTombstone(value)).toBeUndefined()
  })
})
