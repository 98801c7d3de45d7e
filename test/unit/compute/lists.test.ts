import { describe, expect, test, vi } from 'vitest'
import { mergeResults } from '../../../web/compute/result.ts'
import { decodeLists, encodeLists, encodePairs } from '../../../web/compute/sandbox/bucket.ts'
import { Grouping } from '../../../web/compute/sandbox/grouping.ts'
import { runTask } from '../../../web/compute/sandbox/guest-core.ts'
import type { GuestTask } from '../../../web/compute/sandbox/port.ts'
import { encodeValue } from '../../../web/wire/index.ts'
import { compileJob } from '../../support/compile.ts'

const PARAMS = encodeValue(null)
const MAX_BYTES = 64 * 2 ** 20

function outcomeOf(map: string, lines: readonly string[], maxOutputBytes = MAX_BYTES) {
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join('')).buffer
  return run(map, {
    kind: 'map',
    bytes,
    format: { kind: 'text' },
    partitions: 1,
    params: PARAMS,
    maxOutputBytes,
  })
}

function run(map: string, task: GuestTask) {
  const settle = () => Promise.resolve(undefined)
  return runTask(compileJob({ map }), task, { settle, again: () => compileJob({ map }) })
}

async function bucketOf(map: string, lines: readonly string[]): Promise<ArrayBuffer> {
  const { result, fault } = await outcomeOf(map, lines)
  if (!result) throw new Error(fault.message)
  return result.buckets[0] as ArrayBuffer
}

async function reduced(buckets: readonly ArrayBuffer[], maxOutputBytes = MAX_BYTES) {
  return run('() => 1', { kind: 'reduce', buckets, params: PARAMS, maxOutputBytes })
}

const lines = (first: number, count: number) => Array.from({ length: count }, (_, i) => String(first + i))

describe('the list of a key without a reduce', () => {
  test('JOB54 is as long as the output may be, in the order of the shards', async () => {
    const map = '(line, ctx) => { ctx.emit("hot", [line, "x".repeat(2 ** 20)]); ctx.emit(line, 1) }'
    const buckets = [await bucketOf(map, lines(0, 20)), await bucketOf(map, lines(20, 20))]
    const { result, fault } = await reduced(buckets)
    expect(fault).toBeUndefined()
    const pairs = mergeResults(result?.buckets ?? [], true)
    expect(pairs).toHaveLength(41)
    const [key, list] = pairs.at(-1) as [string, [string, string][]]
    expect(key).toBe('hot')
    expect(list.map(([line]) => line)).toEqual(lines(0, 40))
    expect(list.every(([, text]) => text.length === 2 ** 20)).toBe(true)
  })

  test('JOB54 has more objects than one value may have', async () => {
    const map = '(line, ctx) => { for (let i = 0; i < 2e5; i++) ctx.emit("hot", i > 0 ? new Map() : line) }'
    const { result } = await reduced([await bucketOf(map, lines(0, 3))])
    const [[, list]] = mergeResults(result?.buckets ?? [], true) as [[string, unknown[]]]
    expect(list).toHaveLength(6e5)
    expect([list[0], list[2e5], list[4e5], list[6e5 - 1]]).toEqual(['0', '1', '2', new Map()])
  })

  test('JOB54 pages of one key are one list; those of a reduce stay what they are', () => {
    const pages = encodePairs([
      ['a', [1]],
      ['b', [2, 3]],
      ['b', [4]],
      ['b', []],
      ['c', [5]],
    ])
    const whole = [
      ['a', [1]],
      ['b', [2, 3, 4]],
      ['c', [5]],
    ]
    expect(decodeLists(pages)).toEqual(whole)
    expect(mergeResults([pages], true)).toEqual(whole)
    expect(mergeResults([pages], false)).toHaveLength(5)
    expect(() => mergeResults([encodePairs([['a', 1]])], true)).toThrow('no list')
    expect(decodeLists(encodeLists([['a', []]]))).toEqual([['a', []]])
  })

  test('JOB4 JOB54 the same lists give the same pages', () => {
    const list = Array.from({ length: 40 }, (_, n) => String(n).repeat(2 ** 18))
    const [a, b] = [encodeLists([['k', list]]), encodeLists([['k', [...list]]])]
    expect(a.byteLength).toBeGreaterThan(16 * 2 ** 20)
    expect(Buffer.compare(Buffer.from(a), Buffer.from(b))).toBe(0)
  })

  test('JOB54 one value over 16 MiB is refused when it is emitted, by its key', async () => {
    const map = '(line, ctx) => { ctx.count("before"); ctx.emit("hot", "x".repeat(2 ** 24 + 1)) }'
    const { fault } = await outcomeOf(map, ['first', 'second'])
    expect(fault).toMatchObject({ code: 'bad-value', record: 'first' })
    expect(fault?.message).toMatch(/key hot.*16 MiB/)
  })

  test('JOB54 a value that fits alone, but not with its key or in its list, is refused by its key', async () => {
    for (const value of ['"x".repeat(2 ** 24 - 6)', '[...Array(62)].reduce((inner) => [inner], [])']) {
      const { fault } = await outcomeOf(`(line, ctx) => ctx.emit("hot", ${value})`, ['first'])
      expect(fault).toMatchObject({ code: 'bad-value', record: 'first' })
      expect(fault?.message).toContain('key hot')
    }
  })

  test('JOB54 a task that has too much names the key of most values', async () => {
    const map =
      '(line, ctx) => { ctx.emit("cold", 1); ctx.emit("hot", 1); ctx.emit("hot", "x".repeat(1000)) }'
    const { fault } = await outcomeOf(map, lines(0, 2000), 2 ** 20)
    expect(fault).toMatchObject({
      code: 'output-too-large',
      message: expect.stringMatching(/1 MiB.*key hot/),
    })
    const all = await bucketOf(map, lines(0, 2000))
    expect((await reduced([all], 2 ** 20)).fault?.message).toMatch(/2\d{6} bytes.*1 MiB/)
  })
})

test('JOB56 an emit that breaks off fails the task, also where it is caught', async () => {
  const grouping = new Grouping(undefined, 2 ** 20, false)
  grouping.emit('k', 1)
  const looking = vi.spyOn(ArrayBuffer, 'isView').mockImplementationOnce(() => {
    throw new RangeError('Maximum call stack size exceeded')
  })
  expect(() => grouping.emit('k', 2)).toThrow('call stack')
  looking.mockRestore()
  grouping.emit('k', 3)
  await expect(grouping.buckets(1)).rejects.toThrow('call stack')
})

/** Where exactly the stack ends is the engine's: in front of the emit nothing is in, within it the task fails. */
test('JOB56 at the end of the stack a task gives what it has emitted, or fails', async () => {
  const map = `(line, ctx) => {
    let emitted = 0
    const dive = () => { try { dive() } catch { ctx.emit('k', 1); emitted++ } }
    dive()
    ctx.emit('n', emitted)
  }`
  const { fault, result } = await outcomeOf(map, ['one'])
  if (fault) expect(fault).toMatchObject({ code: 'threw', message: expect.stringContaining('call stack') })
  else {
    const lists = new Map(decodeLists(result?.buckets[0] as ArrayBuffer) as [string, unknown[]][])
    expect(lists.get('k') ?? []).toHaveLength(Number(lists.get('n')?.[0]))
  }
})

test('JOB56 a bad key that is caught is left out, and nothing else', async () => {
  const map = '(line, ctx) => { try { ctx.emit(NaN, 1) } catch { ctx.emit("bad", line) } }'
  expect(decodeLists(await bucketOf(map, ['a', 'b']))).toEqual([['bad', ['a', 'b']]])
})
