import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPattern, isTopicName, MAX_WORDS, Matcher } from '../../../web/messaging/pattern.ts'

/** What the rule says, word by word. */
function fits(pattern: readonly string[], name: readonly string[]): boolean {
  const [head, ...rest] = pattern
  if (head === undefined) return name.length === 0
  if (head === '#') return fits(rest, name) || (name.length > 0 && fits(pattern, name.slice(1)))
  return name.length > 0 && (head === '*' || head === name[0]) && fits(rest, name.slice(1))
}

describe('patterns', () => {
  test.each([
    ['news.europe.#', 'news.europe', true],
    ['news.europe.#', 'news.europe.sport.tennis', true],
    ['news.#.tennis', 'news.tennis', true],
    ['news.#.tennis', 'news.a.b.tennis', true],
    ['news.#.tennis', 'news.a.b.golf', false],
    ['news.*', 'news.europe', true],
    ['news.*', 'news', false],
    ['news.*', 'news.europe.sport', false],
    ['*', 'news', true],
    ['#', 'a.b.c', true],
    ['#.#.#', 'a', true],
    ['#.*', 'a', true],
    ['*.#.*', 'a', false],
    ['a.b', 'a.b', true],
    ['a.b', 'a.bb', false],
    ['a.b', 'a', false],
    ['#', '$presence.chat', false],
    ['*.chat', '$presence.chat', false],
    ['$presence.#', '$presence.chat', true],
    ['a.#', 'a.$b', true],
  ])('MSG1 %s and %s: %s', (pattern, name, expected) => {
    expect(new Matcher(pattern).matches(name)).toBe(expected)
  })

  test('MSG1 the matcher says what the rule says', () => {
    const word = fc.constantFrom('a', 'b', 'c')
    const patternWord = fc.constantFrom('a', 'b', '*', '#')
    const names = fc.array(word, { minLength: 1, maxLength: 7 })
    const patterns = fc.array(patternWord, { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(patterns, names, (pattern, name) => {
        expect(new Matcher(pattern.join('.')).matches(name.join('.'))).toBe(fits(pattern, name))
      }),
      { numRuns: 3_000, seed: 1 },
    )
  })

  test('MSG1 the longest pattern matches the longest name', () => {
    const pattern = Array.from({ length: MAX_WORDS }, () => '*').join('.')
    expect(new Matcher(pattern).matches(pattern.replaceAll('*', 'w'))).toBe(true)
    expect(new Matcher(`${pattern.slice(2)}.#`).matches(pattern.replaceAll('*', 'w'))).toBe(true)
  })

  test.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'a\u0000', 'a.*', '#', 'x'.repeat(65), 'a.\ud800', 'a*'])(
    'MSG1 %j is no name',
    (name) => {
      expect(isTopicName(name)).toBe(false)
    },
  )

  test('MSG1 words and lengths are bounded', () => {
    expect(isTopicName(Array(MAX_WORDS).fill('w').join('.'))).toBe(true)
    expect(
      isTopicName(
        Array(MAX_WORDS + 1)
          .fill('w')
          .join('.'),
      ),
    ).toBe(false)
    expect(isTopicName(Array(5).fill('w'.repeat(60)).join('.'))).toBe(false)
    expect(isTopicName('chat.général')).toBe(true)
    expect(isPattern('chat.*.#')).toBe(true)
    expect(isPattern('chat.x*')).toBe(false)
    expect(isTopicName(7)).toBe(false)
  })
})
