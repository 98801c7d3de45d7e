import { describe, expect, test } from 'vitest'
import { parseMapAnswer, parseReduceAnswer, parseReduceRequest } from '../../../web/compute/messages.ts'

const MIB = 2 ** 20
const mapped = { type: 'mapped', sizes: [1, 2], recordsRead: 1, counters: {}, bytesMoved: 0 }
const reduced = { type: 'reduced', bytes: 3, counters: {}, bytesMoved: 0 }
const fetched = { peer: 'a'.repeat(32), task: 0, attempt: 0, bytes: 5 }
const request = { jobId: 'abcdefgh12345678', partition: 0, attempt: 0 }

describe('answers of other peers', () => {
  test('JOB46: a whole map answer is taken', () => {
    expect(parseMapAnswer(mapped, 2)).toEqual(mapped)
    const inline = [new ArrayBuffer(1), new ArrayBuffer(2)]
    expect(parseMapAnswer({ ...mapped, inline }, 2)).toMatchObject({ inline })
  })

  test.each<[string, object]>([
    ['too few partitions', { sizes: [1] }],
    ['too many partitions', { sizes: [1, 2, 3] }],
    ['a negative size', { sizes: [1, -2] }],
    ['more than a task may give', { sizes: [40 * MIB, 40 * MIB] }],
    ['inline of another number', { inline: [new ArrayBuffer(1)] }],
    ['inline of other sizes', { inline: [new ArrayBuffer(2), new ArrayBuffer(1)] }],
    ['inline that is large', { sizes: [MIB, 0], inline: [new ArrayBuffer(MIB), new ArrayBuffer(0)] }],
  ])('JOB46: a map answer with %s is refused', (_, change) => {
    expect(parseMapAnswer({ ...mapped, ...change }, 2)).toBeUndefined()
  })

  test.each<[string, object]>([
    ['more than a task may give', { bytes: 65 * MIB }],
    ['inline of another size', { inline: new ArrayBuffer(4) }],
    ['inline that is large', { bytes: 2 * MIB, inline: new ArrayBuffer(2 * MIB) }],
  ])('JOB46: a reduce answer with %s is refused', (_, change) => {
    expect(parseReduceAnswer(reduced)).toEqual(reduced)
    expect(parseReduceAnswer({ ...reduced, ...change })).toBeUndefined()
  })

  test('JOB46: a reduce request names no bucket that no task can have made', () => {
    expect(parseReduceRequest({ ...request, inputs: [fetched] })).toBeDefined()
    expect(parseReduceRequest({ ...request, inputs: [{ ...fetched, bytes: 65 * MIB }] })).toBeUndefined()
    expect(parseReduceRequest({ ...request, inputs: [{ inline: new ArrayBuffer(MIB) }] })).toBeUndefined()
    const whole = Array.from({ length: 9 }, () => ({ ...fetched, bytes: 60 * MIB }))
    expect(parseReduceRequest({ ...request, inputs: whole })).toBeUndefined()
  })
})
