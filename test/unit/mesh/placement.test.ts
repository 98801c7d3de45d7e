import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createSeededRandom,
  type DeviceId,
  type PeerId,
  type Random,
  shuffled,
  toBase32,
  toHex,
} from '../../../web/base/index.ts'
import { exactLog } from '../../../web/mesh/placement/exact-log.ts'
import { type PlacementMember, place } from '../../../web/mesh/placement/placement.ts'

const SHARDS = 1024

function shardIds(random: Random, count = SHARDS): string[] {
  return Array.from({ length: count }, () => toHex(random.bytes(32)))
}

function membersOf(
  random: Random,
  capacities: readonly number[],
  devices = capacities.length,
): PlacementMember[] {
  return capacities.map((capacity, i) => ({
    peerId: toBase32(random.bytes(20)) as PeerId,
    deviceId: `device${i % devices}` as DeviceId,
    capacity,
  }))
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 })
const sizes = fc.integer({ min: 1, max: 12 })

/** Copies that `after` needs on peers that did not have them `before`. */
function moved(
  shards: readonly string[],
  before: readonly PlacementMember[],
  after: readonly PlacementMember[],
  replicas: number,
): number {
  let count = 0
  for (const shard of shards) {
    const had = new Set(place(shard, before, replicas))
    for (const peerId of place(shard, after, replicas)) if (!had.has(peerId)) count++
  }
  return count
}

describe('placement', () => {
  test('PLC1: the answer does not depend on the order of the members', () => {
    fc.assert(
      fc.property(seeds, sizes, fc.integer({ min: 1, max: 4 }), (seed, size, replicas) => {
        const random = createSeededRandom(seed)
        const members = membersOf(
          random,
          Array.from({ length: size }, () => 1 + Math.floor(random.float() * 4)),
        )
        for (const shard of shardIds(random, 20)) {
          expect(place(shard, shuffled(random, members), replicas)).toEqual(place(shard, members, replicas))
        }
      }),
      { numRuns: 100 },
    )
  })

  test('PLC1: these answers are fixed for all versions and engines', () => {
    const members = membersOf(createSeededRandom(1), [1, 2, 1, 3])
    const names = new Map(members.map(({ peerId }, i) => [peerId, i]))
    const answers = shardIds(createSeededRandom(2), 12).map((shard) =>
      place(shard, members, 2)
        .map((id) => names.get(id))
        .join(''),
    )
    expect(answers.join(' ')).toBe('31 31 01 31 01 31 12 02 13 13 23 31')
  })

  test('PLC2: a peer with capacity 0 holds nothing, and fewer members than replicas are all there is', () => {
    const random = createSeededRandom(3)
    const members = membersOf(random, [0, 1, 0, 2])
    const holders = members.filter(({ capacity }) => capacity > 0).map(({ peerId }) => peerId)
    for (const shard of shardIds(random, 50))
      expect(new Set(place(shard, members, 3))).toEqual(new Set(holders))
    expect(place('a', [], 2)).toEqual([])
  })

  test('PLC3: replicas are on different devices while there are any', () => {
    fc.assert(
      fc.property(seeds, sizes, fc.integer({ min: 1, max: 5 }), (seed, size, devices) => {
        const random = createSeededRandom(seed)
        const members = membersOf(random, Array(size).fill(1), devices)
        const deviceOf = new Map(members.map(({ peerId, deviceId }) => [peerId, deviceId]))
        for (const shard of shardIds(random, 10)) {
          const used = new Set(place(shard, members, 3).map((peerId) => deviceOf.get(peerId)))
          expect(used.size).toBe(Math.min(3, size, devices))
        }
      }),
      { numRuns: 100 },
    )
  })

  test('PLC4: a leave moves only what the leaver held, a join only what the joiner gets', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 3, max: 12 }), (seed, size) => {
        const random = createSeededRandom(seed)
        const members = membersOf(
          random,
          Array.from({ length: size }, () => 1 + Math.floor(random.float() * 3)),
        )
        const rest = members.slice(1)
        const shards = shardIds(random, 128)
        const held = shards.filter((shard) =>
          place(shard, members, 2).includes(members[0]?.peerId as PeerId),
        ).length
        expect(moved(shards, members, rest, 2)).toBeLessThanOrEqual(1.05 * held)
        expect(moved(shards, rest, members, 2)).toBeLessThanOrEqual(1.05 * held)
      }),
      { numRuns: 50 },
    )
  })

  test('PLC5: shares of 1024 shards follow the weights within 10 %', () => {
    for (const capacities of [
      [1, 1, 1, 1],
      [1, 1, 2],
      [2, 1, 1, 2],
    ]) {
      const runs = 20
      const sums = capacities.map(() => 0)
      for (let seed = 1; seed <= runs; seed++) {
        const random = createSeededRandom(seed)
        const members = membersOf(random, capacities)
        for (const shard of shardIds(random)) {
          const index = members.findIndex(({ peerId }) => peerId === place(shard, members, 1)[0])
          sums[index] = (sums[index] as number) + 1
        }
      }
      const total = capacities.reduce((a, b) => a + b)
      capacities.forEach((capacity, i) => {
        const share = (sums[i] as number) / runs / SHARDS
        expect(Math.abs(share / (capacity / total) - 1), `share ${i} of ${capacities}`).toBeLessThan(0.03)
      })
    }
  })

  test('PLC5: in one room of four equal members no share is off by more than 10 %', () => {
    const random = createSeededRandom(11)
    const members = membersOf(random, [1, 1, 1, 1])
    const counts = new Map<PeerId, number>()
    for (const shard of shardIds(random)) {
      for (const peerId of place(shard, members, 2)) counts.set(peerId, (counts.get(peerId) ?? 0) + 1)
    }
    for (const count of counts.values()) expect(Math.abs(count / (SHARDS / 2) - 1)).toBeLessThan(0.1)
  })

  test('PLC1: the logarithm agrees with the engine to 1e-15', () => {
    fc.assert(
      fc.property(fc.double({ min: 2 ** -53, max: 1 - 2 ** -53, noNaN: true }), (x) => {
        const expected = Math.log(x)
        expect(Math.abs(exactLog(x) - expected)).toBeLessThanOrEqual(
          1e-15 * Math.max(1e-300, Math.abs(expected)),
        )
      }),
      { numRuns: 2000 },
    )
  })
})
