import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createSeededRandom,
  equalBytes,
  fromBase32,
  isPeerId,
  isTokenId,
  Listeners,
  randomBelow,
  randomToken,
  shuffled,
  toBase32,
} from '../../../web/base/index.ts'

test('BAS5 the same seed gives the same numbers', () => {
  const [a, b] = [createSeededRandom(7), createSeededRandom(7)]
  for (let i = 0; i < 100; i++) expect(a.float()).toBe(b.float())
})

test('BAS5 near seeds, and seeds beyond 32 bits, do not run alike', () => {
  const firsts = new Set<number>()
  for (let seed = 0; seed < 2000; seed++) firsts.add(createSeededRandom(seed).float())
  for (let seed = 0; seed < 2000; seed++) firsts.add(createSeededRandom(2 ** 33 * (seed + 1)).float())
  expect(firsts.size).toBeGreaterThan(3990)
})

test('BAS5 numbers below a bound are spread evenly', () => {
  const random = createSeededRandom(1)
  const drawn = Array.from({ length: 10_000 }, () => randomBelow(random, 10))
  for (let value = 0; value < 10; value++) {
    expect(Math.abs(drawn.filter((one) => one === value).length - 1000)).toBeLessThan(150)
  }
})

test('tokens are valid ids and shuffling keeps every item', () => {
  const random = createSeededRandom(3)
  expect(isTokenId(randomToken(random))).toBe(true)
  expect(shuffled(random, [1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4])
})

test('base32 goes there and back, and refuses other characters', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const back = fromBase32(toBase32(bytes))
      expect(back && equalBytes(back, bytes)).toBe(true)
    }),
  )
  expect(fromBase32('abc1')).toBeUndefined()
  expect(isPeerId(toBase32(new Uint8Array(20)))).toBe(true)
  expect(isPeerId('__proto__')).toBe(false)
})

test('BAS2 who waits for the next time hears it once, or why it waits no longer, and leaves nothing behind', async () => {
  const listeners = new Listeners<[]>()
  const controller = new AbortController()
  const heard = listeners.next(controller.signal)
  listeners.emit()
  await heard
  const given = listeners.next(controller.signal)
  controller.abort('enough')
  await expect(given).rejects.toBe('enough')
  await expect(listeners.next(controller.signal)).rejects.toBe('enough')
  expect(listeners.size).toBe(0)
})

test('BAS6 a listener that throws keeps no other from hearing', async () => {
  const thrown: unknown[] = []
  const keep = (error: unknown) => thrown.push(error)
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', keep)
  const listeners = new Listeners<[number]>()
  const heard: number[] = []
  listeners.add(() => {
    throw new Error('mine')
  })
  const remove = listeners.add((value) => heard.push(value))
  listeners.emit(1)
  remove()
  listeners.emit(2)
  await new Promise((resolve) => setImmediate(resolve))
  for (const listener of before) process.on('uncaughtException', listener)
  process.off('uncaughtException', keep)
  expect(heard).toEqual([1])
  expect(thrown.length).toBeGreaterThan(0)
})
