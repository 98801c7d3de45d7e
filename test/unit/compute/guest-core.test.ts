import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeLists, decodePairs } from '../../../web/compute/sandbox/bucket.ts'
import { runTask, type TaskPlace } from '../../../web/compute/sandbox/guest-core.ts'
import { type Key, partitionOf, sortKeys } from '../../../web/compute/sandbox/keys.ts'
import type { GuestTask, JobCode } from '../../../web/compute/sandbox/port.ts'
import { encodeValue, type Value } from '../../../web/wire/index.ts'
import { compileJob } from '../../support/compile.ts'

type MapOptions = { partitions?: number; params?: Value; maxOutputBytes?: number }

/** What is not awaited has run one turn later. */
const placeOf = (code: JobCode): TaskPlace => ({
  settle: () => new Promise((resolve) => void setImmediate(() => resolve(undefined))),
  again: () => compileJob(code),
})
const EMIT = '(line, ctx) => ctx.emit(line, 1)'
const SUM = '(key, values) => values.reduce((sum, value) => sum + value, 0)'

function mapTask(
  lines: readonly string[],
  { partitions = 1, params = null, maxOutputBytes = 2 ** 26 }: MapOptions = {},
): GuestTask {
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join('')).buffer
  return {
    kind: 'map',
    bytes,
    format: { kind: 'text' },
    partitions,
    params: encodeValue(params),
    maxOutputBytes,
  }
}

function runMap(code: JobCode, lines: readonly string[], options?: MapOptions) {
  return runTask(compileJob(code), mapTask(lines, options), placeOf(code))
}

async function groupsOf(code: JobCode, lines: readonly string[], options?: MapOptions) {
  const { result, fault } = await runMap(code, lines, options)
  if (!result) throw new Error(`${fault.code}: ${fault.message}`)
  return result.buckets.map(decodeLists)
}

async function faultOf(code: JobCode, lines: readonly string[] = ['a'], options?: MapOptions) {
  const { fault } = await runMap(code, lines, options)
  if (!fault) throw new Error('the task did not fail')
  return fault
}

function runReduce(code: JobCode, buckets: readonly ArrayBuffer[], maxOutputBytes = 2 ** 26) {
  return runTask(
    compileJob(code),
    {
      kind: 'reduce',
      buckets,
      params: encodeValue({ limit: 3 }),
      maxOutputBytes,
    },
    placeOf(code),
  )
}

describe('a map task', () => {
  test('SBX18 a second pass begins with new functions, and is refused where the first has left something behind', async () => {
    const sometimes = (seen: string) =>
      `(() => { const own = new Set(); return (line, ctx) => {
        const seen = ${seen}; if (seen.has(line)) return
        seen.add(line); ctx.emit(line, 1); if (line === 'c') return Promise.resolve()
      } })()`
    const lines = ['a', 'b', 'c', 'd']
    const [group = []] = await groupsOf({ map: sometimes('own') }, lines)
    expect(group.map(([key]) => key)).toEqual(lines)
    const code = { map: sometimes('own') }
    const fault = { code: 'code-error', message: 'it cannot begin anew' } as const
    const place = { ...placeOf(code), again: () => fault }
    expect(await runTask(compileJob(code), mapTask(lines), place)).toEqual({ fault })
  })

  test('JOB1: groups what was emitted by key, keys in order, values as they came', async () => {
    const map =
      '(line, ctx) => { const [key, value] = line.split(" "); ctx.emit(Number(key) || key, Number(value)) }'
    expect(await groupsOf({ map }, ['b 1', '10 2', 'a 3', '9 4', 'b 5'])).toEqual([
      [
        [9, [4]],
        [10, [2]],
        ['a', [3]],
        ['b', [1, 5]],
      ],
    ])
  })

  test('JOB2: each key is in the bucket of its partition', async () => {
    const lines = Array.from({ length: 200 }, (_, i) => `key ${i}`)
    const buckets = await groupsOf({ map: EMIT }, lines, { partitions: 7 })
    expect(buckets).toHaveLength(7)
    for (const [partition, groups] of buckets.entries()) {
      for (const [key] of groups) expect(partitionOf(key, 7)).toBe(partition)
      expect(groups.map(([key]) => key)).toEqual(sortKeys(groups.map(([key]) => key)))
    }
    expect(buckets.flat()).toHaveLength(200)
  })

  test('JOB3: combine sees every value once, however many there are', async () => {
    const lines = Array.from({ length: 200_000 }, (_, i) => (i % 3 === 0 ? 'a' : 'b'))
    expect(await groupsOf({ map: EMIT, combine: SUM }, lines)).toEqual([
      [
        ['a', [66_667]],
        ['b', [133_333]],
      ],
    ])
  })

  test('JOB3: with an async map and an async combine the groups are the same', async () => {
    const lines = Array.from({ length: 140_000 }, (_, i) => `k${i % 5}`)
    const plain = await groupsOf({ map: EMIT, combine: SUM }, lines)
    const slow = await groupsOf(
      { map: 'async (line, ctx) => { ctx.emit(line, 1) }', combine: `async ${SUM}` },
      lines,
    )
    expect(slow).toEqual(plain)
  })

  test('JOB4: two runs of one task give the same bytes', async () => {
    const code = { map: '(line, ctx) => { ctx.emit(line, { n: line.length, list: [line] }) }' }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll(/[\r\n]/g, ' '))),
        async (lines) => {
          const [a, b] = [
            await runMap(code, lines, { partitions: 3 }),
            await runMap(code, lines, { partitions: 3 }),
          ]
          expect(a.result?.buckets.map((bucket) => new Uint8Array(bucket))).toEqual(
            b.result?.buckets.map((bucket) => new Uint8Array(bucket)),
          )
        },
      ),
      { numRuns: 50 },
    )
  })

  test('JOB5: params and counters reach the functions and come back', async () => {
    const map =
      '(line, ctx) => { ctx.count(ctx.params.name); ctx.count("length", line.length); ctx.emit(line, 1) }'
    const { result } = await runMap({ map }, ['a', 'bcd'], { params: { name: 'lines' } })
    expect(result?.counters).toEqual({ lines: 2, length: 4 })
    expect(result?.recordsRead).toBe(2)
  })

  test.each([
    ['null', 'bad-key'],
    ['undefined', 'bad-key'],
    ['NaN', 'bad-key'],
    ['Infinity', 'bad-key'],
    ['{}', 'bad-key'],
    ['"\\ud800"', 'bad-key'],
  ])('JOB6: the key %s fails the task and names the record', async (key, code) => {
    const fault = await faultOf({ map: `(line, ctx) => ctx.emit(${key}, 1)` }, ['the record'])
    expect(fault).toMatchObject({ code, record: 'the record' })
  })

  test.each([
    ['() => 1', 'a function'],
    ['Symbol("x")', 'a symbol'],
    ['new (class A {})', 'an instance'],
    ['circle(line)', 'a circle'],
    ['{ deep: [() => 1] }', 'a function inside'],
    ['new Proxy({}, { ownKeys() { throw new Error("no") } })', 'a proxy that throws'],
  ])('JOB7: the value %s fails the task and names the record', async (value) => {
    const map = `(line, ctx) => {
      const circle = () => { const a = {}; a.a = a; return a }
      ctx.emit('good', 1)
      if (line === 'second') ctx.emit('k', ${value})
    }`
    const fault = await faultOf({ map }, ['first', 'second', 'third'])
    expect(fault).toMatchObject({ code: 'bad-value', record: 'second' })
  })

  test('JOB7: keys such as __proto__ and constructor are keys like any other', async () => {
    const map = '(line, ctx) => { ctx.emit(line, JSON.parse(`{"${line}": 1}`)) }'
    const [groups] = await groupsOf({ map }, ['__proto__', 'constructor'])
    expect(groups?.map(([key]) => key)).toEqual(['__proto__', 'constructor'])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('JOB8: a throw names the record and carries the stack', async () => {
    const fault = await faultOf(
      { map: '(line) => { if (line === "b") throw new RangeError("no " + line) }' },
      ['a', 'b'],
    )
    expect(fault).toMatchObject({ code: 'threw', message: 'RangeError: no b', record: 'b' })
    expect(fault.stack).toContain('RangeError: no b')
  })

  test('JOB8: what is thrown cannot break the report of it', async () => {
    const map = '() => { throw { get message() { throw 1 }, toString() { throw 2 } } }'
    expect(await faultOf({ map })).toMatchObject({ code: 'threw', message: 'an error that cannot be shown' })
  })

  test('JOB8: a rejected promise is a throw', async () => {
    expect(await faultOf({ map: 'async () => { throw new Error("later") }' })).toMatchObject({
      code: 'threw',
      record: 'a',
    })
  })

  test('JOB9: output over the bound fails the task, with and without a combiner', async () => {
    const map = '(line, ctx) => { for (let i = 0; i < 1000; i++) ctx.emit(line + i, line.repeat(50)) }'
    const lines = ['abcdefgh', 'ijklmnop']
    expect(await faultOf({ map }, lines, { maxOutputBytes: 100_000 })).toMatchObject({
      code: 'output-too-large',
    })
    const combine = '(key, values) => values[0].repeat(10)'
    expect(await faultOf({ map, combine }, lines, { maxOutputBytes: 100_000 })).toMatchObject({
      code: 'output-too-large',
    })
  })

  test('JOB9: more counters than the bound fail the task', async () => {
    expect(
      await faultOf({ map: '(line, ctx) => { for (let i = 0; i < 121; i++) ctx.count("c" + i) }' }),
    ).toMatchObject({ code: 'bad-value' })
    expect(await faultOf({ map: '(line, ctx) => ctx.count("c", NaN)' })).toMatchObject({ code: 'bad-value' })
  })
})

describe('a reduce task', () => {
  async function bucketsOf(code: JobCode, parts: readonly (readonly string[])[]): Promise<ArrayBuffer[]> {
    const outcomes = await Promise.all(parts.map((lines) => runMap(code, lines)))
    return outcomes.map((outcome) => outcome.result?.buckets[0] as ArrayBuffer)
  }

  async function pairsOf(code: JobCode, parts: readonly (readonly string[])[]): Promise<[Key, unknown][]> {
    const { result, fault } = await runReduce(code, await bucketsOf(code, parts))
    if (!result) throw new Error(`${fault.code}: ${fault.message}`)
    return decodePairs(result.buckets[0] as ArrayBuffer)
  }

  test('JOB1: without reduce the pairs are lists of values, in the order of the shards', async () => {
    const map = '(line, ctx) => ctx.emit(line[0], line)'
    expect(await pairsOf({ map }, [['b1', 'a1'], [], ['a2'], ['b2', 'a3']])).toEqual([
      ['a', ['a1', 'a2', 'a3']],
      ['b', ['b1', 'b2']],
    ])
  })

  test('JOB1: reduce may be async and gets params', async () => {
    const reduce =
      'async (key, values, ctx) => { ctx.count("keys"); return values.length > ctx.params.limit ? "many" : values.length }'
    expect(
      await pairsOf({ map: EMIT, reduce }, [
        ['a', 'a', 'b'],
        ['a', 'a'],
      ]),
    ).toEqual([
      ['a', 'many'],
      ['b', 1],
    ])
  })

  test('JOB8: a throw names the key', async () => {
    const code = { map: EMIT, reduce: '(key) => { if (key === "b") throw new Error("bad key " + key) }' }
    const { fault } = await runReduce(code, await bucketsOf(code, [['a', 'b', 'c']]))
    expect(fault).toMatchObject({ code: 'threw', record: 'b', message: 'Error: bad key b' })
  })

  test('JOB7: a value that cannot travel names the key', async () => {
    const code = { map: EMIT, reduce: '(key) => (key === "b" ? () => 1 : 1)' }
    const { fault } = await runReduce(code, await bucketsOf(code, [['a', 'b', 'c']]))
    expect(fault).toMatchObject({ code: 'bad-value', record: 'b' })
  })

  test('JOB9: a result over the bound fails the task', async () => {
    const code = { map: EMIT, reduce: '(key) => key.repeat(1000)' }
    const { fault } = await runReduce(code, await bucketsOf(code, [['a', 'b', 'c']]), 1000)
    expect(fault).toMatchObject({ code: 'output-too-large' })
  })

  test('JOB7: bytes that are no bucket fail the task', async () => {
    const { fault } = await runReduce({ map: EMIT }, [new Uint8Array([0, 0, 0, 9, 1, 2]).buffer])
    expect(fault?.code).toBe('threw')
  })

  test('JOB9: a bucket larger than one encoded value is cut into chunks', async () => {
    const map = '(line, ctx) => { for (let i = 0; i < 24; i++) ctx.emit(line + i, "x".repeat(2 ** 20)) }'
    const pairs = await pairsOf({ map, reduce: '(key, values) => values[0].length' }, [['k']])
    expect(pairs).toHaveLength(24)
    expect(new Set(pairs.map(([, length]) => length))).toEqual(new Set([2 ** 20]))
  })
})

describe('what comes late', () => {
  const later = 'new Promise((go) => setTimeout(go, 1))'

  test.each([
    ["(line, ctx) => { Promise.resolve().then(() => ctx.emit('late', 1)) }", 'emit', 'map'],
    ["(line, ctx) => { Promise.resolve().then(() => ctx.count('late')) }", 'count', 'map'],
    ["async (line, ctx) => { (async () => { await 1; await 2; ctx.emit('late', 1) })() }", 'emit', 'map'],
    // The late word of the first record comes while the second is awaited.
    [
      `(line, ctx) => line === 'a' ? void Promise.resolve().then(() => ctx.emit('late', 1)) : ${later}.then(() => ctx.emit('ok', 1))`,
      'emit',
      'map',
    ],
  ])('JOB50: %s fails the task and says what was late', async (map, what, name) => {
    const fault = await faultOf({ map }, ['a', 'b'])
    expect(fault.code).toBe('late-emit')
    expect(fault.message).toContain(`ctx.${what} was called when ${name} had returned`)
  })

  test('JOB50: combine and reduce that count late fail too', async () => {
    const fold = "(key, values, ctx) => { Promise.resolve().then(() => ctx.count('late')); return 1 }"
    expect(await faultOf({ map: EMIT, combine: fold })).toMatchObject({ code: 'late-emit' })
    const { result } = await runMap({ map: EMIT }, ['a'])
    const reduced = await runReduce({ map: EMIT, reduce: fold }, result?.buckets ?? [])
    expect(reduced.fault).toMatchObject({ code: 'late-emit' })
  })

  test('JOB50: what is awaited is in time, also where only some calls return a promise', async () => {
    const map = `(line, ctx) => line === 'a' ? ctx.emit('k', 1) : ${later}.then(() => ctx.emit('k', 2))`
    expect(await groupsOf({ map }, ['a', 'b', 'a', 'b'])).toEqual([[['k', [1, 2, 1, 2]]]])
  })
})

test.each([
  ['another type', '(key, values) => ({ sum: values.reduce((a, b) => a + b, 0), n: values.length })'],
  ['no number', '(key, values) => ({ mean: -values.reduce((a, b) => a - b, 0) / values.length })'],
  ['a throw', '(key, values) => values.map((value) => value.toFixed(1))'],
])('JOB51: a combine that does not bear its own output (%s) fails in the first task', async (_, combine) => {
  expect(await faultOf({ map: EMIT, combine })).toMatchObject({ code: 'bad-combine', record: 'a' })
})

test('JOB51: the combine is tried on a copy, and counts nothing', async () => {
  const combine =
    '(key, values, ctx) => { ctx.count("calls"); return values.reduce((a, b) => { a.n += b.n; return a }) }'
  const { result } = await runMap({ map: '(line, ctx) => ctx.emit(line, { n: 1 })', combine }, ['a', 'a'])
  expect(result?.counters).toEqual({ calls: 1 })
})
