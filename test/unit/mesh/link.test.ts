import { describe, expect, test } from 'vitest'
import type { Clock } from '../../../web/base/index.ts'
import { createLink } from '../../../web/mesh/link/link-create.ts'
import type { Lane } from '../../../web/mesh/transport/transport.ts'
import { ALICE, BOB, bytesOf, endOf, isSame, openLinks, openPair, proven, record } from './link-support.ts'

/** A clock whose timers never fire, for links that only listen. */
const still: Clock = { now: () => 0, wall: () => 0, after: () => () => undefined }
const KIB = 1024
const MIB = 1024 * KIB

describe('LNK1 order', () => {
  test('LNK1 frames of every size keep their order on the control lane', async () => {
    const { alice, bob, run } = await openLinks({ latencyMs: 5, bytesPerMs: 10_000 })
    const got = record(bob)
    const sizes = [3, 200_000, 0, 17 * KIB, 16 * KIB, 1, 700_000, 5]
    const sent = sizes.map((size, index) => bytesOf(size, index + 1))
    const all = Promise.all(sent.map((frame) => alice.send('control', frame)))
    await run(2_000)
    await all
    expect(got.map((frame) => frame.length)).toEqual(sizes)
    expect(got.every((frame, index) => isSame(frame, sent[index]))).toBe(true)
  })

  test('LNK1 a small frame on the bulk lane overtakes a large one, and small ones keep their order', async () => {
    const { alice, bob, run } = await openLinks({ bytesPerMs: 10_000 })
    const got = record(bob)
    const sent = [
      alice.send('bulk', bytesOf(16 * MIB)),
      ...[1, 2, 3].map((n) => alice.send('bulk', bytesOf(n))),
    ]
    await run(300)
    expect(got.map((frame) => frame.length)).toEqual([1, 2, 3])
    await run(5_000)
    await Promise.all(sent)
    expect(got.map((frame) => frame.length)).toEqual([1, 2, 3, 16 * MIB])
  })

  test('LNK1 large frames on the bulk lane cross together, so that a shorter one is whole first', async () => {
    const { alice, bob, run } = await openLinks({ bytesPerMs: 10_000 })
    const got = record(bob)
    const frames = [8 * MIB, 100 * KIB, 4 * MIB].map((size) => bytesOf(size, size))
    void Promise.all(frames.map((frame) => alice.send('bulk', frame)))
    await run(5_000)
    expect(got.map((frame) => frame.length)).toEqual([100 * KIB, 4 * MIB, 8 * MIB])
    expect(isSame(got[1], frames[2])).toBe(true)
  })
})

describe('LNK2 batching', () => {
  test('LNK2 small frames sent together share a packet', async () => {
    const { alice, bob, run } = await openLinks()
    const got = record(bob)
    const before = alice.stats.bytesOut
    for (let i = 0; i < 100; i++) void alice.send('control', bytesOf(150))
    await run(5)
    expect(got).toHaveLength(100)
    expect(alice.stats.bytesOut - before).toBeLessThan(100 * 155)
  })
})

describe('LNK3 credit', () => {
  test.each<[Lane, number]>([
    ['control', 110],
    ['bulk', 480],
  ])('LNK3 a handler that does not finish stops the sender on %s', async (lane, limit) => {
    const { alice, bob, run } = await openLinks()
    let finish: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      finish = resolve
    })
    let handled = 0
    bob.onFrame = () => {
      handled++
      return gate
    }
    let sent = 0
    for (let i = 0; i < 1_000; i++) void alice.send(lane, bytesOf(10_000)).then(() => sent++)
    await run(3_000)
    expect(handled).toBe(sent)
    expect(sent).toBeLessThan(limit)
    finish()
    await run(3_000)
    expect(handled).toBe(1_000)
    expect(sent).toBe(1_000)
  })

  test('LNK3 a frame of the largest size passes a window that is smaller', async () => {
    const { alice, bob, run } = await openLinks()
    const got = record(bob)
    const frame = bytesOf(16 * MIB)
    const sent = alice.send('bulk', frame)
    await run(1_000)
    await sent
    expect(isSame(got[0], frame)).toBe(true)
    await expect(alice.send('bulk', new Uint8Array(16 * MIB + 1))).rejects.toMatchObject({
      code: 'too-large',
    })
  })

  test('LNK3 frames that come before there is a handler wait for it', async () => {
    const { alice, bob, run } = await openLinks()
    await alice.send('control', bytesOf(7))
    await run(100)
    expect(record(bob)).toHaveLength(1)
  })

  test('LNK3 an aborted send that has not begun never leaves', async () => {
    const { alice, bob, run } = await openLinks()
    const sizes: number[] = []
    let finish: () => void = () => undefined
    bob.onFrame = (frame) => {
      sizes.push(frame.length)
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    }
    void alice.send('control', bytesOf(600 * KIB))
    await run(50)
    const controller = new AbortController()
    const waits = alice.send('control', bytesOf(600 * KIB), controller.signal)
    const next = alice.send('control', bytesOf(5))
    const late = alice.send('control', bytesOf(600 * KIB), controller.signal)
    controller.abort(new Error('no longer wanted'))
    await expect(late).rejects.toThrow('no longer wanted')
    finish()
    await run(50)
    finish()
    await run(50)
    await waits
    await next
    expect(sizes).toEqual([600 * KIB, 600 * KIB, 5])
  })
})

describe('LNK4 life', () => {
  test('LNK4 a killed peer is found within 6 s', async () => {
    const { alice, network, run } = await openLinks()
    const end = endOf(alice)
    await run(10_000)
    expect(end.how).toBeUndefined()
    network.kill(BOB)
    await run(6_000)
    expect(end.how).toBe('silent')
  })

  test('LNK4 a peer that is busy for 3 s is kept, by both', async () => {
    const { alice, bob, pause, resume, run } = await openLinks()
    const ends = [endOf(alice), endOf(bob)]
    for (let i = 0; i < 20; i++) {
      pause(BOB)
      await run(3_000)
      resume(BOB)
      await run(700)
    }
    expect(ends).toEqual([{}, {}])
  })

  test('LNK4 a page that was frozen asks before it judges', async () => {
    const { alice, bob, pause, resume, run } = await openLinks()
    const ends = [endOf(alice), endOf(bob)]
    pause(ALICE)
    pause(BOB)
    await run(60_000)
    resume(ALICE)
    await run(3_000)
    resume(BOB)
    await run(10_000)
    expect(ends).toEqual([{}, {}])
  })

  test('LNK4 the round trip is measured', async () => {
    const { alice, run } = await openLinks({ latencyMs: 20 })
    await run(2_000)
    expect(alice.stats.rttMs).toBeCloseTo(40, 0)
  })
})

describe('LNK5 end', () => {
  test('LNK5 a drained close delivers everything, and the peer hears that we left', async () => {
    const { alice, bob, run } = await openLinks({ bytesPerMs: 10_000, tailLoss: 1 })
    const ends = [endOf(alice), endOf(bob)]
    const got = record(bob)
    for (let i = 0; i < 30; i++) void alice.send(i % 2 ? 'bulk' : 'control', bytesOf(100_000))
    void alice.close({ drain: true })
    await expect(alice.send('control', bytesOf(1))).rejects.toMatchObject({ code: 'closed' })
    await run(4_000)
    expect(got).toHaveLength(30)
    expect(ends).toEqual([{ how: 'local' }, { how: 'left' }])
  })

  test('LNK5 both may leave at once', async () => {
    const { alice, bob, run } = await openLinks()
    const ends = [endOf(alice), endOf(bob)]
    void alice.close({ drain: true })
    void bob.close({ drain: true })
    await run(1_000)
    expect(ends).toEqual([{ how: 'local' }, { how: 'local' }])
  })

  test('LNK5 a goodbye followed by nothing is a leave within 2 s', async () => {
    const { alice, bob, network, run } = await openLinks()
    const end = endOf(bob)
    bob.onFrame = () => new Promise(() => undefined)
    void alice.send('control', bytesOf(10))
    void alice.close({ drain: true })
    await run(10)
    network.kill(ALICE)
    await run(2_000)
    expect(end.how).toBe('left')
  })

  test('LNK5 a cut link rejects what waits and is closed for the other', async () => {
    const { alice, bob, run } = await openLinks()
    const ends = [endOf(alice), endOf(bob)]
    const waiting = alice.send('bulk', bytesOf(16 * MIB))
    await alice.close()
    await expect(waiting).rejects.toMatchObject({ code: 'closed' })
    await run(100)
    expect(ends).toEqual([{ how: 'local' }, { how: 'closed' }])
  })

  test('LNK5 a drain ends although the other side never finishes', async () => {
    const { alice, bob, run } = await openLinks()
    const end = endOf(alice)
    bob.onFrame = () => new Promise(() => undefined)
    void alice.send('control', bytesOf(10))
    void alice.close({ drain: true })
    await run(5_100)
    expect(end.how).toBe('local')
  })
})

describe('LNK6 faults', () => {
  const chunk = (...numbers: number[]) => [2, ...numbers]
  test.each<[string, Lane, number[]]>([
    ['a record of no kind', 'control', [99]],
    ['a frame longer than its packet', 'control', [1, 50, 0]],
    ['credit that was never spent', 'control', [3, 0, 1]],
    ['credit for a lane that is not there', 'control', [3, 2, 1]],
    ['an answer to no question', 'control', [5, 100]],
    ['an acknowledged end without an end', 'control', [8]],
    ['a control record on the bulk lane', 'bulk', [4, 1]],
    ['a frame after the end', 'bulk', [7, 1, 0]],
    ['a chunk of a frame that is too large', 'bulk', chunk(0, 0x81, 0x80, 0x80, 0x08, 0, 1, 9)],
    ['a chunk that begins in the middle', 'bulk', chunk(0, 9, 5, 1, 9)],
    ['an end in the middle of a frame', 'bulk', [...chunk(0, 9, 0, 1, 9), 7]],
  ])('LNK6 %s ends the link as a fault', async (_, lane, packet) => {
    const { connections, run } = await openPair()
    const link = createLink(connections.bob, proven(ALICE), { clock: still })
    const end = endOf(link)
    connections.alice.attach({
      onMessage: () => undefined,
      onDrain: () => undefined,
      onClose: () => undefined,
    })
    connections.alice.send(lane, Uint8Array.from(packet))
    await run(50)
    expect(end.how).toBe('fault')
    await expect(link.send('control', bytesOf(1))).rejects.toMatchObject({ code: 'closed' })
  })

  test('LNK6 more than the credit ends the link as a fault', async () => {
    const { connections, run } = await openPair()
    const link = createLink(connections.bob, proven(ALICE), { clock: still })
    const end = endOf(link)
    link.onFrame = () => new Promise(() => undefined)
    for (let i = 0; i < 20; i++) {
      connections.alice.send('control', Uint8Array.from([1, 0x80, 0x80, 0x04, ...new Uint8Array(65_536)]))
    }
    await run(50)
    expect(end.how).toBe('fault')
  })
})

describe('LNK7 a page whose timers are held back', () => {
  /** Every timer of this side takes a minute, as in a page that has been hidden for long; messages still arrive. */
  const throttled = (clock: Clock): Clock => ({
    now: () => clock.now(),
    wall: () => clock.wall(),
    after: (ms, run) => clock.after(Math.max(ms, 60_000), run),
  })

  test('LNK7 one that is hidden for ten minutes is kept, by both', async () => {
    const { clock, connections, run } = await openPair()
    const alice = createLink(connections.alice, proven(BOB), { clock })
    const bob = createLink(connections.bob, proven(ALICE), { clock: throttled(clock) })
    const ends = [endOf(alice), endOf(bob)]
    await run(600_000)
    expect(ends).toEqual([{}, {}])
  })

  test('LNK7 two that are hidden keep each other, and find out a killed one in the end', async () => {
    const { clock, connections, network, run } = await openPair({ breakAfterMs: Number.MAX_SAFE_INTEGER })
    const alice = createLink(connections.alice, proven(BOB), { clock: throttled(clock) })
    const bob = createLink(connections.bob, proven(ALICE), { clock: throttled(clock) })
    const ends = [endOf(alice), endOf(bob)]
    await run(600_000)
    expect(ends).toEqual([{}, {}])
    network.kill(BOB)
    await run(400_000)
    expect(ends[0]?.how).toBe('silent')
  })
})
