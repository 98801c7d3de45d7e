import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeValue,
  encodeOnce,
  encodeValue,
  MAX_VALUE_DEPTH,
  type Value,
  WireError,
} from '../../../web/wire/index.ts'

function roundTrip(value: Value): Value {
  return decodeValue(encodeValue(value))
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof WireError) return error.code
    throw error
  }
  return undefined
}

function nested(depth: number): Value {
  let value: Value = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

const TYPED = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
]
const leaf: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(null, undefined, true, false, -0, Number.NaN, Number.POSITIVE_INFINITY),
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
  fc.string({ unit: 'grapheme', maxLength: 100 }),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array({ maxLength: 200 }),
  fc.float64Array({ maxLength: 20 }),
  fc.int32Array({ maxLength: 20 }),
)
const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(
      fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('__proto__', 'constructor')),
      tie('value'),
      {
        maxKeys: 6,
        noNullPrototype: true,
      },
    ),
    fc
      .uniqueArray(fc.tuple(fc.integer(), tie('value')), { selector: ([key]) => key, maxLength: 5 })
      .map((entries) => new Map(entries)),
    fc.uniqueArray(fc.integer(), { maxLength: 5 }).map((items) => new Set(items)),
  ),
}))

describe('WIR1 round trip', () => {
  test('WIR1 what is encoded comes back equal, and encodes to the same bytes', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeValue(value)
        const decoded = decodeValue(bytes)
        expect(decoded).toEqual(value)
        expect(encodeValue(decoded)).toEqual(bytes)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    0,
    1,
    127,
    128,
    -1,
    2 ** 31 - 1,
    -(2 ** 31),
    2 ** 31,
    2 ** 32,
    -(2 ** 31) - 1,
    2 ** 53 - 1,
    1 - 2 ** 53,
    2 ** 53,
    2 ** 60,
    1e300,
    0.5,
    0.1,
    -0,
    Number.NaN,
  ])('WIR1 the number %s', (value) => {
    expect(Object.is(roundTrip(value), value)).toBe(true)
  })

  test.each([0n, 1n, -1n, 255n, 256n, -(2n ** 64n), 2n ** 1000n])('WIR1 the bigint %s', (value) => {
    expect(roundTrip(value)).toBe(value)
  })

  test.each([
    '',
    'a',
    'x'.repeat(63),
    'x'.repeat(64),
    'é'.repeat(31),
    'é'.repeat(32),
    '\uFEFFmark',
    '🙂'.repeat(100_000),
  ])('WIR1 the string %#', (value) => {
    expect(roundTrip(value)).toBe(value)
  })

  test.each(TYPED.map((type) => [type.name, type] as const))(
    'WIR1 %s keeps its type and its place in its buffer',
    (_, type) => {
      const source = new type([1, 2, 3, 4]).subarray(1, 3)
      const decoded = roundTrip(['pad', source]) as [string, InstanceType<typeof type>]
      expect(decoded[1]).toBeInstanceOf(type)
      expect([...decoded[1]]).toEqual([2, 3])
    },
  )

  test('WIR1 buffers, views, big integers and invalid dates', () => {
    expect(roundTrip(new Uint8Array([1, 2]).buffer)).toEqual(new Uint8Array([1, 2]).buffer)
    const view = roundTrip(new DataView(new Uint8Array([9, 8, 7]).buffer, 1)) as DataView
    expect([view.getUint8(0), view.byteLength]).toEqual([8, 2])
    expect(roundTrip(new BigInt64Array([-5n]))).toEqual(new BigInt64Array([-5n]))
    expect((roundTrip(new Date(Number.NaN)) as Date).getTime()).toBeNaN()
  })

  test('WIR1 a hole in an array becomes undefined, a null prototype a plain object', () => {
    expect(roundTrip(new Array(2) as Value[])).toEqual([undefined, undefined])
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }) as Value)).toStrictEqual({ a: 1 })
  })

  test('WIR1 a value encoded once gives the same bytes wherever it is put', () => {
    fc.assert(
      fc.property(leaf, (value) => {
        const once = encodeOnce([value, { a: value }])
        expect(encodeValue({ body: once, after: 1 })).toEqual(
          encodeValue({ body: [value, { a: value }], after: 1 }),
        )
      }),
    )
  })

  test('WIR2 a value encoded once counts with what is in it', () => {
    const heavy = encodeOnce(Array.from({ length: 300_000 }, () => new Map()))
    expect(codeOf(() => encodeValue([heavy, heavy]))).toBe('too-large')
  })

  test('WIR1 a getter may itself encode', () => {
    const value = {
      get inner() {
        return encodeValue('inside').length
      },
      after: 'x',
    }
    expect(roundTrip(value)).toEqual({ inner: 7, after: 'x' })
  })
})

describe('WIR2 refused', () => {
  const circle: unknown[] = []
  circle.push(circle)
  test.each<[string, unknown]>([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a circle', circle],
    ['a class instance', new (class Point {})()],
    ['an error', new Error('e')],
    ['a regular expression', /a/],
    ['a promise', Promise.resolve()],
    ['half a surrogate pair', '\uD83D'],
    ['half a pair in a key', { ['a\uDC00']: 1 }],
    ['a value nested too deep', nested(MAX_VALUE_DEPTH + 1)],
    ['a bigint beyond all use', 1n << 600_000n],
  ])('WIR2 %s is not encodable', (_, value) => {
    expect(codeOf(() => encodeValue(value as Value))).toBe('not-encodable')
    expect(codeOf(() => encodeValue({ deep: [value as Value] }))).toBe('not-encodable')
    expect(roundTrip('and the next one is')).toBe('and the next one is')
  })

  test('WIR2 the deepest nesting passes, one more is too deep to read', () => {
    expect(roundTrip(nested(MAX_VALUE_DEPTH))).toEqual(nested(MAX_VALUE_DEPTH))
    const deeper = new Uint8Array(2 * MAX_VALUE_DEPTH + 3)
    for (let i = 0; i <= MAX_VALUE_DEPTH; i++) deeper.set([0x0a, 1], 2 * i)
    expect(codeOf(() => decodeValue(deeper))).toBe('too-deep')
  })

  test('WIR2 what does not fit a frame is too large', () => {
    expect(codeOf(() => encodeValue(new Uint8Array(17 * 1024 * 1024)))).toBe('too-large')
    expect(codeOf(() => encodeValue('x'.repeat(17 * 1024 * 1024)))).toBe('too-large')
    const shared = 'x'.repeat(1024 * 1024)
    expect(codeOf(() => encodeValue(Array.from({ length: 20 }, () => shared)))).toBe('too-large')
  })
})

describe('WIR3 bytes from outside', () => {
  test.each([
    ['maps', [0x0c, 0], () => new Map(), 4],
    ['buffers', [0x0e, 0], () => new ArrayBuffer(0), 4],
    ['views', [0x0f, 0, 0], () => new Uint8Array(), 4],
    ['arrays', [0x0a, 0], () => [], 1],
    ['objects', [0x0b, 0], () => ({}), 1],
  ])('WIR2 more %s than 2 Mi of weight are neither written nor read', (_, item, make, weight) => {
    const count = (2 * 1024 * 1024) / weight
    const shared = make()
    expect(() => encodeValue(new Array(count).fill(shared))).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    )
    expect(encodeValue(new Array(count / 2).fill(shared)).length).toBeGreaterThan(count / 2)
    const head = encodeValue(new Array(count).fill(null)).slice(0, -count)
    const bytes = new Uint8Array(head.length + count * item.length)
    bytes.set(head)
    for (let n = 0; n < count; n++) bytes.set(item, head.length + n * item.length)
    expect(() => decodeValue(bytes)).toThrow(
      expect.objectContaining({ code: 'malformed', message: expect.stringContaining('more objects') }),
    )
  })

  test('WIR1 a NaN that was computed is read back, and has the form of the constant', () => {
    const quotient = (a: number, b: number) => a / b
    for (const value of [quotient(0, 0), Math.sqrt(quotient(-1, 1)), quotient(1, 0) * quotient(0, 1)]) {
      expect(encodeValue(value)).toEqual(encodeValue(Number.NaN))
      expect(decodeValue(encodeValue({ value }))).toEqual({ value: Number.NaN })
      expect(encodeValue(new Date(value))).toEqual(encodeValue(new Date(Number.NaN)))
    }
  })

  test('WIR3 dates and NaN have one form each', () => {
    const dateOf = (time: number) => {
      const bytes = new Uint8Array(9)
      bytes[0] = 0x09
      new DataView(bytes.buffer).setFloat64(1, time, true)
      return bytes
    }
    for (const time of [0, 1, -1, 1.7e12, 8.64e15, -8.64e15])
      expect(decodeValue(dateOf(time))).toEqual(new Date(time))
    for (const time of [
      0.5,
      1.7e12 + 0.25,
      -0,
      8.64e15 + 1,
      Number.POSITIVE_INFINITY,
      1e300,
      Number.MIN_VALUE,
    ])
      expect(() => decodeValue(dateOf(time)), `${time}`).toThrow(
        expect.objectContaining({ code: 'malformed' }),
      )
    const invalid = encodeValue(new Date(Number.NaN))
    expect(decodeValue(invalid)).toEqual(new Date(Number.NaN))
    for (const [at, byte] of [
      [1, 1],
      [7, 0xf9],
      [8, 0xff],
    ] as const) {
      const other = invalid.slice()
      other[at] = byte
      expect(() => decodeValue(other)).toThrow(expect.objectContaining({ code: 'malformed' }))
    }
    expect(decodeValue(encodeValue(Number.NaN))).toBeNaN()
    expect(() => decodeValue(new Uint8Array([0x10, 1, 0, 0xc0, 0x7f]))).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    )
    expect(() => decodeValue(new Uint8Array([0x10, 0, 0, 0xc0, 0xff]))).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    )
  })

  test('WIR3 random bytes decode or throw a WireError, and what decodes is canonical', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        let value: Value
        try {
          value = decodeValue(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
          return
        }
        expect(encodeValue(value).length).toBe(bytes.length)
      }),
      { numRuns: 20_000 },
    )
  })

  test('WIR3 an encoding with a changed, missing or added byte decodes or throws a WireError', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = encodeValue(value)
        const changed = bytes.slice()
        changed[at % bytes.length] = byte
        codeOf(() => decodeValue(changed))
        expect(codeOf(() => decodeValue(bytes.subarray(0, at % bytes.length)))).toBe('malformed')
        expect(codeOf(() => decodeValue(Uint8Array.from([...bytes, byte])))).toBe('malformed')
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['an array of 2^32 - 1', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['an object of 2^32 - 1', [0x0b, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a string of 2^31', [0x08, 0x80, 0x80, 0x80, 0x80, 0x08]],
    ['a buffer of 2^31', [0x0e, 0x80, 0x80, 0x80, 0x80, 0x08]],
    ['a typed array of no type', [0x0f, 99, 0]],
    ['a typed array cut in an element', [0x0f, 9, 3, 1, 2, 3]],
    ['a count in a longer form', [0x0a, 0x80, 0x00]],
    ['an integer in a longer form', [0x04, 0x02]],
    ['an integer as a double', [0x05, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]],
    ['a fraction in a longer form', [0x05, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f]],
    ['an integer as a single', [0x10, 0, 0, 0x80, 0x3f]],
    ['an integer of 32 bits in the long form', [0x11, 0x81, 0x01]],
    ['an integer beyond 2^53', [0x11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a short string in the long form', [0x08, 1, 0x61]],
    ['a negative zero bigint', [0x07, 0]],
    ['a bigint with a leading zero', [0x06, 2, 0, 1]],
    ['a string that is not UTF-8', [0x41, 0xff]],
    ['a key that is a number', [0x0b, 1, 0x81, 0x81]],
    ['a key twice', [0x0b, 2, 0x41, 0x61, 0x81, 0x41, 0x61, 0x82]],
    ['a map key twice', [0x0c, 2, 0x81, 0x81, 0x81, 0x82]],
    ['a set item twice', [0x0d, 2, 0x81, 0x81]],
    ['nothing', []],
  ])('WIR3 %s is malformed', (_, bytes) => {
    expect(codeOf(() => decodeValue(Uint8Array.from(bytes)))).toBe('malformed')
  })

  test('WIR3 keys that name parts of every object are own properties and change nothing', () => {
    const sent = JSON.parse(
      '{"__proto__": {"polluted": true}, "constructor": 1, "hasOwnProperty": 2}',
    ) as Value
    const got = roundTrip(sent) as Record<string, unknown>
    expect(Object.keys(got)).toEqual(['__proto__', 'constructor', 'hasOwnProperty'])
    expect(Object.getPrototypeOf(got)).toBe(Object.prototype)
    expect(got['polluted']).toBeUndefined()
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('WIR4 byte views in the value are views on the bytes, other arrays are copies', () => {
    const bytes = encodeValue({
      raw: new Uint8Array([1, 2, 3]),
      wide: new Float64Array([1]),
      buffer: new ArrayBuffer(2),
    })
    const got = decodeValue(bytes) as { raw: Uint8Array; wide: Float64Array; buffer: ArrayBuffer }
    expect(got.raw.buffer).toBe(bytes.buffer)
    expect(got.wide.buffer).not.toBe(bytes.buffer)
    expect(got.buffer).not.toBe(bytes.buffer)
  })
})
