import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Peer, Registry } from '../../../signaling/registry.ts'

const LIMITS = { peers: 1_000, peersPerKey: 500 }

function open(registry: Registry<string>, key: string, id: string): Peer<string> {
  const registration = registry.register(key, id, `token-${id}`, `link-${id}`)
  if (registration.outcome !== 'opened') throw new Error(registration.outcome)
  return registration.peer
}

describe('registry', () => {
  test('SIG3 the same token takes over, another is taken, and only the link that speaks releases the id', () => {
    const registry = new Registry<string>(LIMITS)
    const alice = open(registry, 'room', 'alice')
    expect(registry.register('room', 'alice', 'other', 'thief')).toEqual({ outcome: 'taken' })
    expect(registry.register('room', 'alice', 'token-alice', 'fresh')).toEqual({
      outcome: 'reattached',
      peer: alice,
      replaced: 'link-alice',
    })
    expect(registry.release(alice, 'link-alice')).toBe(false)
    expect(registry.find('room', 'alice')?.link).toBe('fresh')
    expect(registry.release(alice, 'fresh')).toBe(true)
    expect(registry.release(alice, 'fresh')).toBe(false)
    expect([registry.peers, registry.keys]).toEqual([0, 0])
  })

  test('SIG2 after any sequence of joins and leaves each key lists exactly its own', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b'),
      id: fc.integer({ min: 0, max: 9 }),
      joins: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const registry = new Registry<string>(LIMITS)
        const model = new Map<string, Peer<string>>()
        for (const { key, id, joins } of steps) {
          const name = `${key}${id}`
          const known = model.get(name)
          if (joins && known === undefined) model.set(name, open(registry, key, name))
          if (!joins && known !== undefined && registry.release(known, known.link)) model.delete(name)
        }
        for (const key of ['a', 'b']) {
          const expected = [...model.keys()].filter((name) => name.startsWith(key)).sort()
          expect(registry.sample(key, 100, () => 0).sort()).toEqual(expected)
        }
        expect(registry.peers).toBe(model.size)
      }),
    )
  })

  test('SIG15 a sample has as many as asked, no one twice, and everyone has a chance', () => {
    const registry = new Registry<string>(LIMITS)
    for (let index = 0; index < 100; index++) open(registry, 'room', `peer${index}`)
    let state = 1
    const random = () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
    const seen = new Map<string, number>()
    for (let draw = 0; draw < 1_000; draw++) {
      const sample = registry.sample('room', 32, random)
      expect(new Set(sample).size).toBe(32)
      for (const id of sample) seen.set(id, (seen.get(id) ?? 0) + 1)
    }
    expect(seen.size).toBe(100)
    expect(Math.min(...seen.values())).toBeGreaterThan(240)
    expect(Math.max(...seen.values())).toBeLessThan(400)
  })
})
