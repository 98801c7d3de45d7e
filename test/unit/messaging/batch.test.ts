import { describe, expect, test } from 'vitest'
import { deriveRoom, type Room } from '../../../web/mesh/index.ts'
import { batchFromWire, batchToWire } from '../../../web/messaging/batch.ts'
import { checkHeaders, type Item, NO_HEADERS } from '../../../web/messaging/item.ts'
import type { Value } from '../../../web/wire/index.ts'
import { decodeValue } from '../../../web/wire/index.ts'
import { createSimulation } from '../../support/sim/index.ts'
import { openMessagingTab } from '../../support/sim/messaging-tab.ts'
import { proxy, withRequest, withServe } from '../../support/sim/taps.ts'

const SECOND = 1_000

function item(number: number, other: Partial<Item> = {}): Item {
  return {
    number,
    topic: 'a.b',
    sentAt: 1_000,
    body: new Uint8Array([number]),
    headers: NO_HEADERS,
    ...other,
  }
}

/** How many parts it takes, and what comes out of them again. */
function sent(
  items: readonly Item[],
  inRuns = true,
): { readonly parts: number; readonly got: readonly Item[] } {
  const wire = decodeValue(batchToWire(items, inRuns).bytes) as readonly Value[]
  return { parts: wire.length, got: batchFromWire(wire) ?? [] }
}

describe('batches', () => {
  test('MSG2 messages of one topic and millisecond that follow each other are one run, and come out as they went in', () => {
    const items = Array.from({ length: 100 }, (_, at) => item(at + 1))
    expect(sent(items)).toEqual({ parts: 1, got: items })
    expect(sent(items, false)).toEqual({ parts: 100, got: items })
    const [short, long] = [true, false].map((inRuns) => batchToWire(items, inRuns).bytes.length) as [
      number,
      number,
    ]
    expect(short * 3).toBeLessThan(long)
  })

  test('MSG2 another topic, another time, headers and a gap each begin a new part', () => {
    const headers = checkHeaders({ kind: 'x' })
    const items = [
      ...[item(1), item(2), item(3, { topic: 'c' }), item(4, { topic: 'c' }), item(5, { sentAt: 1_001 })],
      ...[item(6, { sentAt: 1_001, headers }), item(7, { sentAt: 1_001 }), item(9, { sentAt: 1_001 })],
    ]
    expect(sent(items)).toEqual({ parts: 6, got: items })
  })

  test('MSG3 a member of a release that knows no runs is sent none', async () => {
    const sim = createSimulation(1)
    const keys = await deriveRoom(sim.crypto, new Uint8Array(32).fill(7))
    const batches: (readonly (readonly Value[])[])[] = []
    /** Speaks as that release does, and notes what it is sent. */
    const older = (room: Room): Room => {
      const mute = withServe(
        withRequest(room, (to, method, body, send) => send(to, method, withoutRuns(method, body))),
        withoutRuns,
      )
      return proxy(mute, {
        onNotify: (channel, handler) =>
          room.onNotify(channel, (body, from) => {
            if (channel === 'msg.batch') batches.push(body as (typeof batches)[number])
            return handler(body, from)
          }),
      })
    }
    const newer = await sim.settle(openMessagingTab(sim.tab(0), keys))
    const old = await sim.settle(openMessagingTab(sim.tab(1), keys, 'old', { room: older }))
    await sim.runUntil(
      () => old.room.members().length === 2 && newer.room.members().length === 2,
      20 * SECOND,
    )
    await sim.run(SECOND)
    for (const n of [1, 2, 3]) void newer.messaging.topic('a').publish(n)
    await sim.run(SECOND)
    expect(old.seen.map(({ body }) => body)).toEqual([1, 2, 3])
    expect(batches.flat().map((part) => part[3] instanceof Uint8Array)).toEqual([true, true, true])
    for (const n of [4, 5]) void old.messaging.topic('a').publish(n)
    await sim.run(SECOND)
    expect(newer.seen.map(({ body }) => body)).toEqual([1, 2, 3, 4, 5])
  })
})

function withoutRuns(method: string, body: Value): Value {
  if (method !== 'msg.interest') return body
  const { runs: _, ...rest } = body as Readonly<Record<string, Value>>
  return rest
}
