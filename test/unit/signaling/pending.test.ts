import { describe, expect, test } from 'vitest'
import { PendingMessages } from '../../../signaling/pending.ts'

const LIMITS = { pendingMessages: 3, pendingBytes: 100, pendingTotalBytes: 250, pendingMs: 5_000 }
const bytes = (size: number) => Buffer.alloc(size, 'x')

describe('pending messages', () => {
  test('SIG10 an absent peer and a sender have 3 messages each', () => {
    const pending = new PendingMessages(LIMITS)
    for (const src of ['a', 'b', 'c']) expect(pending.add('k', src, 'x', bytes(1), 0)).toBe(true)
    expect(pending.add('k', 'd', 'x', bytes(1), 0)).toBe(false)
    for (const dst of ['y', 'z']) expect(pending.add('k', 'a', dst, bytes(1), 0)).toBe(true)
    expect(pending.add('k', 'a', 'w', bytes(1), 0)).toBe(false)
    expect(pending.add('other key', 'a', 'x', bytes(1), 0)).toBe(true)
    expect(pending.messages).toBe(6)
  })

  test('SIG10 bytes are bounded for each and in all, and come back when taken', () => {
    const pending = new PendingMessages(LIMITS)
    expect(pending.add('k', 'a', 'x', bytes(101), 0)).toBe(false)
    expect(pending.add('k', 'a', 'x', bytes(100), 0)).toBe(true)
    expect(pending.add('k', 'b', 'x', bytes(1), 0)).toBe(false)
    expect(pending.add('k', 'b', 'y', bytes(100), 0)).toBe(true)
    expect(pending.add('k', 'c', 'z', bytes(60), 0)).toBe(false)
    expect(pending.take('k', 'x').map((message) => message.src)).toEqual(['a'])
    expect(pending.add('k', 'c', 'z', bytes(60), 0)).toBe(true)
    expect(pending.bytes).toBe(160)
  })

  test('SIG10 a pair expires with its last message, once', () => {
    const pending = new PendingMessages(LIMITS)
    pending.add('k', 'a', 'x', bytes(1), 0)
    pending.add('k', 'b', 'x', bytes(1), 0)
    pending.add('k', 'a', 'x', bytes(1), 400)
    expect(pending.expire(4_999)).toEqual([])
    expect(pending.expire(5_000)).toEqual([{ key: 'k', src: 'b', dst: 'x' }])
    expect(pending.expire(5_400)).toEqual([{ key: 'k', src: 'a', dst: 'x' }])
    expect(pending.expire(9_000)).toEqual([])
    expect([pending.messages, pending.bytes]).toEqual([0, 0])
  })

  test('SIG10 what was taken does not expire', () => {
    const pending = new PendingMessages(LIMITS)
    pending.add('k', 'a', 'x', bytes(1), 0)
    pending.take('k', 'x')
    expect(pending.take('k', 'x')).toEqual([])
    expect(pending.expire(10_000)).toEqual([])
  })
})
