import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../../web/base/index.ts'
import { assign, type SchedulablePeer, type SchedulableTask } from '../../../web/compute/scheduler.ts'

const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(32) as PeerId) as [PeerId, PeerId, PeerId]
const CLOCK = { nowMs: 0, medianMs: undefined }

function peer(peerId: PeerId, over: Partial<SchedulablePeer> = {}): SchedulablePeer {
  return { peerId, slots: 1, isHidden: false, outstanding: 0, ...over }
}

function task(index: number, over: Partial<SchedulableTask> = {}): SchedulableTask {
  return { index, isWaiting: true, holders: [A], failedOn: new Set(), running: [], ...over }
}

function running(
  index: number,
  on: PeerId,
  startedMs: number,
  holders: readonly PeerId[] | 'any' = [A, B],
): SchedulableTask {
  return task(index, {
    isWaiting: false,
    holders: holders === 'any' ? undefined : holders,
    running: [{ peer: on, startedMs }],
  })
}

describe('the scheduler', () => {
  test('SCH1: a map task goes to a holder, also a hidden or loaded one', () => {
    const peers = [peer(A, { isHidden: true, outstanding: 1 }), peer(B)]
    expect(assign([task(0)], peers, CLOCK)).toEqual([
      { index: 0, peer: A, locality: 'local', isClone: false },
    ])
  })

  test('SCH1: it waits for its holder rather than move', () => {
    expect(assign([task(0)], [peer(A, { outstanding: 2 }), peer(B)], CLOCK)).toEqual([])
  })

  test('SCH2: a holder that failed it comes after everybody else', () => {
    const failed = task(0, { failedOn: new Set([A]) })
    expect(assign([failed], [peer(A), peer(B)], CLOCK)).toMatchObject([{ peer: B, locality: 'moved' }])
    const other = task(0, { holders: [A, C], failedOn: new Set([A]) })
    expect(assign([other], [peer(A), peer(B), peer(C)], CLOCK)).toMatchObject([
      { peer: C, locality: 'local' },
    ])
    expect(assign([failed], [peer(A)], CLOCK)).toMatchObject([{ peer: A, locality: 'local' }])
  })

  test('SCH3: a task whose shard nobody holds waits; one whose holders take no work moves', () => {
    expect(assign([task(0, { holders: [] })], [peer(A)], CLOCK)).toEqual([])
    expect(assign([task(0, { holders: [C] })], [peer(A)], CLOCK)).toMatchObject([
      { peer: A, locality: 'moved' },
    ])
  })

  test('SCH4: the least loaded for its slots comes first, hidden peers last', () => {
    const reduce = task(0, { holders: undefined })
    const peers = [peer(A, { outstanding: 1, slots: 1 }), peer(B, { outstanding: 1, slots: 4 })]
    expect(assign([reduce], peers, CLOCK)).toMatchObject([{ peer: B }])
    expect(
      assign([reduce], [peer(A, { isHidden: true }), peer(B, { slots: 2, outstanding: 1 })], CLOCK),
    ).toMatchObject([{ peer: B }])
  })

  test('SCH5: every slot gets one attempt before any gets its second', () => {
    const tasks = Array.from({ length: 4 }, (_, index) => task(index, { holders: [A, B] }))
    const given = assign(tasks, [peer(A), peer(B, { slots: 2 })], CLOCK)
    expect(
      given
        .slice(0, 3)
        .map((one) => one.peer)
        .sort(),
    ).toEqual([A, B, B])
    expect(given).toHaveLength(4)
  })

  test('SCH5: tasks with the fewest holders choose first', () => {
    const tasks = [task(0, { holders: [A, B] }), task(1, { holders: [A] })]
    const given = assign(tasks, [peer(A), peer(B)], CLOCK)
    expect(given.find((one) => one.index === 1)?.peer).toBe(A)
    expect(given.find((one) => one.index === 0)?.peer).toBe(B)
  })

  test('SCH6: a straggler gets one clone, on an idle holder, when no task waits', () => {
    const clock = { nowMs: 5000, medianMs: 100 }
    const peers = [peer(A, { outstanding: 1 }), peer(B), peer(C)]
    expect(assign([running(0, A, 0)], peers, clock)).toEqual([
      { index: 0, peer: B, locality: 'local', isClone: true },
    ])
    expect(assign([running(0, A, 0), task(1, { holders: [] })], peers, clock)).toEqual([])
    expect(assign([running(0, A, 4500)], peers, clock)).toEqual([])
    expect(assign([running(0, A, 0, [A])], peers, clock)).toEqual([])
    expect(assign([running(0, A, 0)], peers, { nowMs: 5000, medianMs: 3000 })).toEqual([])
    expect(assign([running(0, A, 0)], peers, { nowMs: 5000, medianMs: undefined })).toEqual([])
  })

  test('SCH6: clones stay within a tenth of what runs, at least one', () => {
    const tasks = Array.from({ length: 20 }, (_, index) => running(index, A, 0, 'any'))
    const peers = [
      peer(A, { slots: 10, outstanding: 20 }),
      ...[B, C].map((id) => peer(id)),
      peer('d'.repeat(32) as PeerId),
    ]
    expect(assign(tasks, peers, { nowMs: 5000, medianMs: 100 })).toHaveLength(2)
    const cloned = task(0, {
      isWaiting: false,
      running: [
        { peer: A, startedMs: 0 },
        { peer: B, startedMs: 1 },
      ],
    })
    expect(assign([cloned, running(1, A, 0, 'any')], peers, { nowMs: 5000, medianMs: 100 })).toEqual([])
  })

  test('SCH7: nobody gets more than two attempts for a slot, no task two, and the same input gives the same answer', () => {
    const peerIds = [A, B, C]
    const holders = fc.subarray(peerIds)
    const tasks = fc.array(
      fc.record({ holders: fc.option(holders, { nil: undefined }), failedOn: holders }),
      { maxLength: 30 },
    )
    const loads = fc.tuple(
      ...peerIds.map(() =>
        fc.record({
          slots: fc.integer({ min: 1, max: 3 }),
          outstanding: fc.integer({ min: 0, max: 3 }),
          isHidden: fc.boolean(),
        }),
      ),
    )
    fc.assert(
      fc.property(tasks, loads, (shapes, shape) => {
        const all = shapes.map(({ holders, failedOn }, index) =>
          task(index, { holders, failedOn: new Set(failedOn) }),
        )
        const peers = shape.map((one, i) => peer(peerIds[i] as PeerId, one))
        const given = assign(all, peers, CLOCK)
        expect(assign(all, peers, CLOCK)).toEqual(given)
        expect(new Set(given.map((one) => one.index)).size).toBe(given.length)
        for (const { peerId, slots, outstanding } of peers) {
          const added = given.filter((one) => one.peer === peerId).length
          expect(added === 0 || outstanding + added <= 2 * slots).toBe(true)
        }
        for (const one of given) {
          const { holders, failedOn } = all[one.index] as SchedulableTask
          const hasFreshHolder = holders === undefined || holders.some((holder) => !failedOn.has(holder))
          if (hasFreshHolder) expect(one.locality).toBe('local')
        }
      }),
    )
  })
})
