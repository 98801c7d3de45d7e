import { expect, test } from 'vitest'
import { nameLikeness, visibleName } from '../../../web/base/index.ts'

test.each([
  ['a plain one', 'Ada Lovelace', 'Ada Lovelace'],
  ['one of many scripts', 'Зоя 晴子 نیم\u200cفاصله', 'Зоя 晴子 نیم\u200cفاصله'],
  ['joined emoji', '👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽 🇩🇪', '👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽 🇩🇪'],
  ['a flag of tags', '🏴\u{e0067}\u{e0062}\u{e007f}', '🏴\u{e0067}\u{e0062}\u{e007f}'],
  ['half an emoji', 'Ada\ud83d', 'Ada'],
  ['a direction override', '\u202eadA\u202c', 'adA'],
  ['isolates and marks', '\u2066a\u2069\u200e\u200f\u061cb', 'ab'],
  ['zero width', '\u200bA\ufeff\u2060d\u00ada', 'Ada'],
  ['line ends and tabs', ' A\r\nd\ta\u2028 ', 'A d a'],
  ['a null and an escape', 'A\0d\x1b[31ma', 'Ad[31ma'],
  ['joiners of nothing', '\u200dA\u200d\u200d', 'A'],
  ['marks upon marks', `a${'\u0301'.repeat(50)}`, `a${'\u0301'.repeat(4)}`],
  ['blanks that are letters', '\u3164\u2800\uffa0', ''],
  ['nothing but marks', '\u0301\u0301', ''],
  ['nothing but spaces', ' \u00a0\u3000', ''],
])('BAS10 %s', (_, text, seen) => {
  expect(visibleName(text)).toBe(seen)
})

test('BAS10 a name is cut between characters, and costs what a name may', () => {
  expect(visibleName('😀'.repeat(70))).toBe('😀'.repeat(64))
  expect(visibleName('ab cd', 3)).toBe('ab')
  expect(visibleName(`A${'\u200b'.repeat(50_000_000)}`)).toBe('A')
})

test('BAS10 what was made fit stays as it is', () => {
  for (const text of ['a \u200d b', '\u202ea\ud83d', 'x'.repeat(100), '\u0301a', 'a\u0301\u200d'])
    expect(visibleName(visibleName(text))).toBe(visibleName(text))
})

test('BAS10 names that look alike are alike', () => {
  for (const other of ['ada', 'Ada ', 'A\u200bda', 'Ａｄａ', 'ADA', 'A\u200dda', 'A da'])
    expect(nameLikeness(other)).toBe(nameLikeness('Ada'))
  expect(nameLikeness('Adam')).not.toBe(nameLikeness('Ada'))
})
