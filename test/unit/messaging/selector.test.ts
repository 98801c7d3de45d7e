import { describe, expect, test } from 'vitest'
import {
  compileSelector,
  SelectorError,
  type SelectorSubject,
} from '../../../web/messaging/selector/index.ts'

type Headers = SelectorSubject['headers']

const HEAD: Omit<SelectorSubject, 'headers'> = {
  id: 'peer/s/1',
  correlationId: 'c1',
  priority: 4,
  expiresAt: 0,
  isDurable: true,
  sentAt: 1_000,
  size: 300,
  from: 'peer',
  address: 'orders',
  group: 'g1',
}
const HEADERS: Headers = {
  color: 'red',
  weight: 10,
  price: 2.5,
  isNew: true,
  isOld: false,
  name: "O'Hara",
  path: '50%_x',
}

function matches(text: string, headers: Headers = HEADERS): boolean {
  return compileSelector(text).matches({ ...HEAD, headers })
}

function errorOf(text: string): SelectorError {
  try {
    compileSelector(text)
  } catch (error) {
    if (error instanceof SelectorError) return error
    throw error
  }
  throw new Error(`${text} should be refused`)
}

describe('selectors', () => {
  test.each([
    ["color = 'red'", true],
    ["color <> 'red'", false],
    ["color = 'RED'", false],
    ['weight > 9', true],
    ['weight >= 10 AND weight <= 10', true],
    ['weight < 10 or price < 3', true],
    ['NOT (weight < 10)', true],
    ['isNew', true],
    ['isNew = TRUE and isOld = false', true],
    ['isOld', false],
    ["color = 'blue' OR color = 'red' AND weight = 11", false],
    ["(color = 'blue' OR color = 'red') AND weight = 10", true],
    ["name = 'O''Hara'", true],
    ['weight + 5 * 2 = 20', true],
    ['(weight + 5) * 2 = 30', true],
    ['-weight = -10', true],
    ['weight - -5 = 15', true],
    ['weight / 4 = 2.5', true],
    ['weight % 3 = 1', true],
    ["color + '-ish' = 'red-ish'", true],
    ["color + weight = 'red10'", true],
    [
      'weight = 0x0A AND weight = 012 AND weight = 10L AND weight = 1e1 AND price = 2.5 AND weight > .5',
      true,
    ],
    ['weight BETWEEN 5 AND 10', true],
    ['weight NOT BETWEEN 5 AND 9', true],
    ["color IN ('blue', 'red')", true],
    ["color NOT IN ('blue', 'red')", false],
    ["color LIKE 'r%'", true],
    ["color LIKE '_e_'", true],
    ["color NOT LIKE '%x%'", true],
    ["path LIKE '50!%!_x' ESCAPE '!'", true],
    ["path LIKE '50!%!_y' ESCAPE '!'", false],
    ['weight -- a remark\n = /* another */ 10', true],
    ['WEIGHT = 10', false],
    ['missing IS NULL AND color IS NOT NULL', true],
    ["color between 'a' and 'z'", true],
  ])('SEL1 %s: %s', (text, wanted) => {
    expect(matches(text)).toBe(wanted)
  })

  test.each([
    "missing = 'x'",
    "missing <> 'x'",
    'NOT (missing = 1)',
    'missing > 1',
    "missing LIKE '%'",
    "missing NOT LIKE 'x'",
    "missing IN ('a')",
    "missing NOT IN ('a')",
    'missing BETWEEN 1 AND 2',
    'missing NOT BETWEEN 1 AND 2',
    'missing + 1 = 1',
    'missing',
    'NOT missing',
    'missing = 1 AND TRUE',
    'missing = 1 OR FALSE',
    'weight / (weight - 10) = 1',
    'NOT (weight / (weight - 10) = 1)',
    '-color = 1',
    'weight AND TRUE',
    'NOT weight = 10',
    "weight NOT IN ('a')",
    "weight NOT LIKE 'a'",
    'color NOT BETWEEN 1 AND 2',
    "weight NOT BETWEEN 'a' AND 'b'",
    'isNew NOT BETWEEN 1 AND 2',
    'weight NOT BETWEEN color AND price',
  ])('SEL2 what is not known does not match: %s', (text) => {
    expect(matches(text)).toBe(false)
  })

  test('SEL2 all pairs of true, false and unknown', () => {
    const T = 'isNew'
    const F = 'isOld'
    const U = '(missing = 1)'
    const isTrue = (text: string) => matches(text)
    const isFalse = (text: string) => matches(`NOT (${text})`)
    const truthOf = (text: string) => (isTrue(text) ? 'T' : isFalse(text) ? 'F' : 'U')
    const table = (word: string) =>
      [T, F, U].map((a) => [T, F, U].map((b) => truthOf(`${a} ${word} ${b}`)).join('')).join(' ')
    expect(table('AND')).toBe('TFU FFF UFU')
    expect(table('OR')).toBe('TTT TFU TUU')
    expect([T, F, U].map((a) => truthOf(`NOT ${a}`)).join('')).toBe('FTU')
  })

  test('SEL3 text never turns into a number; values of different types are unequal, and neither is less', () => {
    expect(matches('age > 18', { age: '21' })).toBe(false)
    expect(matches('age = 21', { age: '21' })).toBe(false)
    expect(matches('age <> 21', { age: '21' })).toBe(true)
    expect(matches("weight LIKE '10'")).toBe(false)
    expect(matches("weight IN ('10')")).toBe(false)
    expect(matches('isNew > isOld')).toBe(false)
  })

  test('SEL4 LIKE: the whole text, also over line ends; an escape only before %, _ and itself; no pattern blows up', () => {
    const like = (text: string, rest: string) => matches(`t LIKE ${rest}`, { t: text })
    expect(like('a\nb', "'a%b'")).toBe(true)
    expect(like('a\nb', "'a_b'")).toBe(true)
    expect(like('abc', "'b'")).toBe(false)
    expect(like('', "'%'")).toBe(true)
    expect(like('a.c', "'a.c'")).toBe(true)
    expect(like('abc', "'a.c'")).toBe(false)
    expect(like('a!b', "'a!b' ESCAPE '!'")).toBe(true)
    expect(like('a!b', "'a!!b' ESCAPE '!'")).toBe(true)
    expect(like('😀', "'_'")).toBe(true)
    const started = performance.now()
    expect(like('a'.repeat(1_000), `'${'a%'.repeat(400)}b'`)).toBe(false)
    expect(performance.now() - started).toBeLessThan(500)
  })

  test('SEL5 a message’s head by Artemis’ and JMS’ names, which no header can take', () => {
    expect(
      matches("AMQPriority = 4 AND JMSPriority = 4 AND AMQDurable = 'DURABLE' AND AMQTimestamp = 1000"),
    ).toBe(true)
    expect(
      matches("AMQSize > 299 AND AMQUserID = 'peer' AND AMQAddress = 'orders' AND AMQGroupID = 'g1'"),
    ).toBe(true)
    expect(matches('AMQExpiration = 0')).toBe(true)
    expect(matches('AMQPriority = 9', { AMQPriority: 9 })).toBe(false)
  })

  test('SEL6 names of objects’ own things are missing headers', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'])
      expect(matches(`${name} IS NULL`)).toBe(true)
    expect(matches("constructor = 'x'", JSON.parse('{"constructor":"x"}'))).toBe(true)
  })

  test.each([
    ['color =', 8],
    ["color = 'red", 9],
    ['weight > > 3', 10],
    ['weight 3', 8],
    ['(weight = 3', 12],
    ['weight = 3)', 11],
    ['weight IN (3)', 12],
    ["weight IN ('a' 'b')", 16],
    ['weight LIKE 3', 13],
    ["weight LIKE 'a' ESCAPE 'ab'", 24],
    ['weight BETWEEN 1 OR 2', 18],
    ['weight IS 3', 11],
    ['a NOT b', 7],
    ['weight # 3', 8],
    ['weight = 089', 10],
    ['a = 1 /* no end', 7],
    ['a AND', 6],
  ])('SEL7 %s is refused at column %i', (text, column) => {
    const error = errorOf(text)
    expect(error).toMatchObject({ code: 'bad-selector', line: 1, column })
    expect(error.message).toContain(`column ${column}`)
  })

  test.each([
    ['3 + 5', 1],
    ["'a'", 1],
    ['FALSE', 1],
    ['NULL', 1],
    ['weight = NULL', 1],
    ['weight <> NULL', 1],
    ['NULL = NULL', 1],
    ['1 = 2', 1],
    ["'a' = 'b'", 1],
    ['weight = 1 AND FALSE', 1],
    ['weight = 1 AND 1 = 2', 1],
    ['NOT (weight = 1 OR TRUE)', 6],
    ['TRUE > 0', 1],
    ['weight > TRUE', 10],
    ['(weight = 1) > 0', 2],
    ['NOT weight > 1', 5],
    ['color AND 3', 11],
    ["'a' OR color", 1],
    ['NOT 3', 5],
    ["1 = 'a'", 5],
    ["1 <> 'a'", 6],
    ["JMSPriority = 'high'", 15],
    ["AMQPriority > '3'", 15],
    ['JMSDeliveryMode = 2', 19],
    ['AMQAddress > 5', 14],
    ["JMSPriority LIKE '4'", 1],
    ["JMSPriority IN ('4')", 1],
    ["3 NOT IN ('4')", 1],
    ['JMSDestination IS NULL', 1],
    ['5 IS NULL', 1],
    ["weight BETWEEN 1 AND 'b'", 22],
    ['weight BETWEEN 5 AND 1', 1],
    ["color NOT BETWEEN 'z' AND 3", 27],
    ["-'a' = 1", 2],
    ["1 + 'a' = 'b'", 5],
    ["color * 'a' = 1", 9],
    ['TRUE + 1 = 2', 1],
    ['weight / 0 = 1', 1],
    ['NOT (weight % 0 = 1)', 6],
  ])('SEL9 what no message can make true is refused: %s', (text, column) => {
    expect(errorOf(text)).toMatchObject({ code: 'bad-selector', line: 1, column })
  })

  test.each([
    ['TRUE', true],
    ['1 = 1', true],
    ["'a' <> 'b' AND color = 'red'", true],
    ['weight = 1 OR FALSE', false],
    ['weight = 1 OR TRUE', true],
    ['NOT (weight = 1 AND FALSE)', true],
    ['weight = 2 * 5', true],
    ["color = 'r' + 'ed'", true],
    ['weight NOT BETWEEN 5 AND 1', true],
    ['(weight = 10) = TRUE', true],
    ['isNew = (weight = 10)', true],
    ['NOT isOld = TRUE', true],
    ['NULL IS NULL', true],
    ['JMSXGroupID IS NOT NULL', true],
  ])('SEL9 what some message can make true is taken: %s: %s', (text, wanted) => {
    expect(matches(text)).toBe(wanted)
  })

  test('SEL1 names in double quotes may have any characters', () => {
    const headers = { 'order-id': 5, 'a "b"': 'x', AND: true, 'größe.m²': 2, '😀': 1, '--': 1, "it's": 1 }
    for (const text of [
      '"order-id" = 5',
      `"a ""b""" = 'x'`,
      '"AND"',
      '"größe.m²" = 2',
      '"😀" = 1',
      '"--" = 1',
      `"it's" = 1`,
    ])
      expect(matches(text, headers)).toBe(true)
    expect(matches('"JMSPriority" = 4', { JMSPriority: 9 })).toBe(true)
    expect(matches('"weight" > 9')).toBe(true)
    // Without them a hyphen is a minus.
    expect(matches('order-id = 5', headers)).toBe(false)
    expect(matches('order-id = 5', { order: 8, id: 3 })).toBe(true)
    expect(errorOf('a = 1 AND "order-id = 5')).toMatchObject({ column: 11 })
    expect(errorOf('"" = 5')).toMatchObject({ column: 1 })
  })

  test('SEL5 JMS’ names for what a message says of itself', () => {
    expect(
      matches("JMSMessageID = 'peer/s/1' AND JMSCorrelationID = 'c1' AND JMSDeliveryMode = 'PERSISTENT'"),
    ).toBe(true)
    const topic = { ...HEAD, headers: {}, isDurable: false, correlationId: undefined }
    const selector = compileSelector("JMSDeliveryMode = 'NON_PERSISTENT' AND JMSCorrelationID IS NULL")
    expect(selector.matches(topic)).toBe(true)
    expect(matches("JMSType = 'order'", { JMSType: 'order' })).toBe(true)
  })

  test.each(['', ' ', '\n\t '])('SEL10 the empty selector means all: %j', (text) => {
    expect(matches(text)).toBe(true)
  })

  test('SEL7 an error in a later line names it', () => {
    expect(errorOf('a = 1\nAND b = = 2')).toMatchObject({ line: 2, column: 9 })
  })

  test('SEL8 length, nesting and lists are bounded', () => {
    expect(() => compileSelector(`a = '${'x'.repeat(4_096)}'`)).toThrow(SelectorError)
    expect(errorOf(`${'('.repeat(100)}a${')'.repeat(100)}`).message).toContain('64')
    expect(errorOf(`${'NOT '.repeat(500)}a`).message).toContain('64')
    expect(errorOf(`a IN (${Array.from({ length: 300 }, (_, n) => `'${n}'`).join(',')})`).message).toContain(
      '256',
    )
    expect(matches(Array.from({ length: 500 }, () => 'a=1').join(' OR '), { a: 1 })).toBe(true)
  })
})
