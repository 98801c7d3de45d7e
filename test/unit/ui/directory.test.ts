import { expect, test } from 'vitest'
import type { PeerId } from '../../../web/base/index.ts'
import { createDoubles } from '../../../web/ui/people/directory.ts'

const ids = ['abcd', 'efgh', 'ijkl'].map((start) => start.padEnd(32, 'z') as PeerId)
const [ADA, EVE, BOB] = ids as [PeerId, PeerId, PeerId]

test('UI31 people whose names look alike are told apart, and nobody else is marked', () => {
  const shown = createDoubles()
  expect([shown(ADA, 'Ada'), shown(BOB, 'Bob'), shown(ADA, 'Ada')]).toEqual(['Ada', 'Bob', 'Ada'])
  for (const twin of ['Ada', 'ADA', 'A\u200dda', 'Ａｄａ', 'A da'])
    expect(shown(EVE, twin)).toBe(`${twin} · efgh`)
  expect(shown(ADA, 'Ada')).toBe('Ada · abcd')
  expect(shown(BOB, 'Bob')).toBe('Bob')
})

test('UI31 a name from right to left is isolated', () => {
  const shown = createDoubles()
  expect(shown(ADA, 'عادة')).toBe('\u2068عادة\u2069')
  expect(shown(EVE, 'עדה 1')).toBe('\u2068עדה 1\u2069')
})

test('UI31 what is remembered is bounded', () => {
  const shown = createDoubles()
  shown(ADA, 'Ada')
  for (let n = 0; n < 1_500; n++) shown(BOB, `Bob ${n}`)
  expect(shown(EVE, 'Ada')).toBe('Ada')
})
