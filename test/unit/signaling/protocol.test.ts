import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Bucket } from '../../../signaling/bucket.ts'
import { isId, parseFrame, stamp } from '../../../signaling/protocol.ts'
import { readQuery } from '../../../signaling/query.ts'

describe('frames', () => {
  test('SIG7 any text is a frame or malformed, never a throw, and a relayed one names its true sender', () => {
    const json = fc.json({ maxDepth: 6 })
    const frame = fc
      .record(
        {
          type: fc.constantFrom('OFFER', 'LEAVE', 'HEARTBEAT', 'X', 1),
          src: fc.json(),
          dst: fc.oneof(fc.string(), fc.integer()),
          payload: fc.jsonValue(),
          extra: fc.boolean(),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value))
    fc.assert(
      fc.property(fc.oneof(fc.string(), json, frame), (text) => {
        const parsed = parseFrame(text)
        if (parsed?.kind !== 'relay') return
        const stamped: unknown = JSON.parse(stamp(parsed, Buffer.from(text), 'alice').toString())
        const { payload } = JSON.parse(text) as { payload?: unknown }
        expect(stamped).toEqual({
          type: parsed.type,
          src: 'alice',
          dst: parsed.dst,
          ...(payload === undefined ? {} : { payload }),
        })
      }),
      { numRuns: 2_000 },
    )
  })

  test('SIG7 nesting to any depth neither throws nor passes (A14)', () => {
    for (const depth of [33, 1_000, 30_000]) {
      const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`
      expect(parseFrame(`{"type":"OFFER","payload":${deep},"dst":"bob"}`)).toBeUndefined()
      expect(parseFrame(deep)).toBeUndefined()
    }
  })

  test('SIG7 lone surrogates and a __proto__ member go through as text', () => {
    const text = '{"type":"OFFER","payload":"\\ud800","dst":"bob","__proto__":{"src":"x"}}'
    const frame = parseFrame(text)
    if (frame?.kind !== 'relay') throw new Error('no relay')
    expect(JSON.parse(stamp(frame, Buffer.from(text), 'alice').toString())).toEqual({
      type: 'OFFER',
      src: 'alice',
      dst: 'bob',
      payload: '\ud800',
    })
  })
})

describe('ids', () => {
  test('SIG1 the alphabet is that of PeerJS within 64 characters', () => {
    for (const id of ['a', 'A-b_c d', '0', 'a'.repeat(64)]) expect(isId(id)).toBe(true)
    for (const id of ['', '-', 'a-', '_a', 'a--b', 'a  b', 'ä', 'a\n', 'a'.repeat(65)])
      expect(isId(id)).toBe(false)
  })

  test('SIG1 the quick way to read a query and the long way agree', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_ %+&=-]{0,12}$/)
    fc.assert(
      fc.property(part, part, part, (key, id, token) => {
        const encoded = new URLSearchParams({ key, id, token }).toString()
        expect(readQuery(`/peerjs?${encoded}`)).toEqual(readQuery(`/peerjs?x=1&${encoded}`))
      }),
    )
  })
})

describe('token bucket', () => {
  test('SIG6 gives the burst at once, then its rate', () => {
    const bucket = new Bucket(50, 300)
    let state: number | undefined = 0
    for (let count = 0; count < 300; count++) {
      state = bucket.take(state ?? Number.NaN, 1_000)
      expect(state).toBeDefined()
    }
    const full = state ?? Number.NaN
    expect(bucket.take(full, 1_000)).toBeUndefined()
    expect(bucket.take(full, 1_019)).toBeUndefined()
    expect(bucket.take(full, 1_020)).toBeDefined()
    expect(bucket.take(full, 1_200, 10)).toBeDefined()
    expect(bucket.take(full, 1_200, 11)).toBeUndefined()
  })
})
