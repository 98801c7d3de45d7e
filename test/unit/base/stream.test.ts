import { describe, expect, test } from 'vitest'
import { Stream, StreamError } from '../../../web/base/index.ts'

async function read<T>(stream: Stream<T>, count: number): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) if (items.push(item) === count) break
  return items
}

describe('BAS4 a stream is bounded', () => {
  test('BAS4 items come out in order, and the end after them', async () => {
    const stream = new Stream<number>({ capacity: 10, overflow: 'fail' })
    for (const item of [1, 2, 3]) stream.push(item)
    stream.end()
    expect(await read(stream, 99)).toEqual([1, 2, 3])
  })

  test('BAS4 a full stream drops its oldest and counts them', async () => {
    const stream = new Stream<string>({ capacity: 4, overflow: 'drop-oldest', sizeOf: (text) => text.length })
    for (const item of ['aa', 'bb', 'cc']) expect(stream.push(item)).toBe(true)
    expect(stream.dropped).toBe(1)
    expect(await read(stream, 2)).toEqual(['bb', 'cc'])
  })

  test('BAS4 one item larger than the capacity still fits when it is alone', async () => {
    const stream = new Stream<string>({ capacity: 1, overflow: 'fail', sizeOf: (text) => text.length })
    expect(stream.push('large')).toBe(true)
    expect(await read(stream, 1)).toEqual(['large'])
  })

  test('BAS4 with overflow `fail` the reader gets what is buffered, then the error', async () => {
    const stream = new Stream<number>({ capacity: 2, overflow: 'fail' })
    expect([1, 2, 3].map((item) => stream.push(item))).toEqual([true, true, false])
    const seen: number[] = []
    const reading = (async () => {
      for await (const item of stream) seen.push(item)
    })()
    await expect(reading).rejects.toBeInstanceOf(StreamError)
    expect(seen).toEqual([1, 2])
  })

  test('BAS4 break ends it and tells the owner once', async () => {
    let ends = 0
    const stream = new Stream<number>({ capacity: 9, overflow: 'fail', onEnd: () => ends++ })
    stream.push(1)
    await read(stream, 1)
    stream.end()
    expect(ends).toBe(1)
    expect(stream.push(2)).toBe(false)
  })

  test('BAS4 a second loop throws', async () => {
    const stream = new Stream<number>({ capacity: 9, overflow: 'fail' })
    stream.push(1)
    await read(stream, 1)
    await expect(read(stream, 1)).rejects.toMatchObject({ code: 'second-loop' })
  })

  test('BAS4 a waiting reader wakes for an item and for an error', async () => {
    const stream = new Stream<number>({ capacity: 9, overflow: 'fail' })
    const iterator = stream[Symbol.asyncIterator]()
    const first = iterator.next()
    stream.push(7)
    expect(await first).toEqual({ value: 7, done: false })
    const second = iterator.next()
    stream.end(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
  })
})
