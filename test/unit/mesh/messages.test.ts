import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type MeshMessage } from '../../../web/mesh/calls/messages.ts'
import { encodeValue, type Value } from '../../../web/wire/index.ts'
import { createSimulation } from '../../support/sim/index.ts'

const { peerId } = createSimulation(1).tab(0)
const ANNOUNCEMENT = {
  peerId,
  sessionId: 'session00000',
  deviceId: 'device000000',
  startedAt: 1,
  version: 2,
  name: 'Ada',
  capacity: 1,
  slots: 1,
  isHidden: false,
  hears: [peerId],
  left: [],
  isSettled: true,
  isLeaving: false,
}

/** Values that each field must not take. */
const WRONG: Readonly<Record<string, readonly Value[]>> = {
  peerId: ['', 'A'.repeat(32), 7, '__proto__'],
  sessionId: ['', 'x', 'ü'.repeat(10), null],
  deviceId: ['', 'x'.repeat(65), 1],
  startedAt: [-1, 0.5, Number.NaN, 2 ** 53, '1', 1n],
  version: [-1, 0.5, Number.POSITIVE_INFINITY, 2 ** 53],
  name: ['', 'a\u0000b', 'a\u0085', 'x'.repeat(65), 5],
  capacity: [-1, Number.NaN, 2000, '1'],
  slots: [-1, 1.5, 5000],
  isHidden: [0, 'no', undefined],
  hears: [null, {}, [1], Array(65).fill(peerId)],
  left: [['x'], Array(17).fill('session00000')],
  isSettled: [1],
  isLeaving: ['yes'],
}

describe('messages of the mesh', () => {
  test('MEM6: an announcement with any field out of bounds is no message', () => {
    expect(decodeMessage(encodeValue({ type: 'announce', announcement: ANNOUNCEMENT }))).toBeDefined()
    for (const [field, values] of Object.entries(WRONG)) {
      for (const value of values) {
        const frame = encodeValue({ type: 'announce', announcement: { ...ANNOUNCEMENT, [field]: value } })
        expect(decodeMessage(frame), `${field}: ${String(value)}`).toBeUndefined()
      }
    }
  })

  test('RPC2: call messages come back as they were, wrong ones not at all', () => {
    const right: MeshMessage[] = [
      { type: 'notify', channel: 'a', body: [1] },
      { type: 'request', id: 0, method: 'a.b', body: undefined },
      { type: 'answer', id: 3, body: 'x' },
      { type: 'failure', id: 3, code: 'failed', message: 'why' },
      { type: 'cancel', id: 3 },
      { type: 'forward', to: peerId, from: peerId, frame: new Uint8Array([1]) },
    ]
    for (const message of right) expect(decodeMessage(encodeMessage(message))).toEqual(message)
    const wrong: Value[] = [
      { type: 'notify', channel: '' },
      { type: 'notify', channel: 'x'.repeat(65) },
      { type: 'request', id: -1, method: 'a' },
      { type: 'request', id: 1 },
      { type: 'answer', id: 0.5 },
      { type: 'failure', id: 1, code: 'x'.repeat(65), message: '' },
      { type: 'failure', id: 1, code: 'x', message: 'x'.repeat(1001) },
      { type: 'forward', to: 'x', from: peerId, frame: new Uint8Array(1) },
      { type: 'forward', to: peerId, from: peerId, frame: 'x' },
      { type: 'other' },
      [],
      null,
      7,
    ]
    for (const value of wrong) expect(decodeMessage(encodeValue(value))).toBeUndefined()
  })

  test('RPC2: any bytes are a message or not, and never a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeMessage(bytes)),
      { numRuns: 2000 },
    )
  })
})
