import { describe, expect, test } from 'vitest'
import type { AddOptions, Dataset, Datasets, ReadOptions } from '../../web/data/index.ts'
import { createSimulation } from '../support/sim/index.ts'
import { csvText, DataTab, streamOf } from './data-room.ts'

const MONTH_MS = 30 * 24 * 60 * 60 * 1000
/** What no option may be, whatever it is. */
const NEVER: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  2 ** 53,
  MONTH_MS,
  '\ud800',
  '__proto__',
  new Uint8Array(3),
  new Map([['a', 'number']]),
  null,
]
const PAST_COLUMNS = Object.fromEntries(Array.from({ length: 4_097 }, (_, n) => [`c${n}`, 'string']))

/** Every option of reading, and what else it may not be: the empty text, and one past each limit. */
const READING: readonly [name: keyof ReadOptions, more: readonly unknown[]][] = [
  ['format', ['', 'CSV', 'xml']],
  ['encoding', ['', 'utf-7', 'latin-99']],
  ['schema', ['', ['number'], PAST_COLUMNS]],
  ['delimiter', ['', ',,', 'é', '\n', '\0']],
  ['quote', ['""', 'é', '\r']],
  ['header', ['', 0, 1, 'true']],
  ['skipLines', ['', 0.5, 1_001]],
  ['comment', ['//', 'é', '\n']],
]
const ADDING: readonly [name: keyof AddOptions, more: readonly unknown[]][] = [
  ...READING,
  ['shardBytes', ['', 4_095, 8 * 2 ** 20 + 1, 5_000.5]],
  ['replicas', ['', 0, 13, 1.5]],
  ['onProgress', ['', {}]],
  ['signal', ['', {}]],
]

const TEXT = new Blob(['a,b\n1,2\n'])
type Call = (datasets: Datasets, dataset: Dataset) => unknown
type Case = readonly [what: string, option: string, call: Call]

const CASES: readonly Case[] = [
  ...ADDING.flatMap(([name, more]) =>
    [...NEVER, ...more].map(
      (value): Case => ['add', name, (all) => all.add('new.csv', TEXT, { [name]: value } as AddOptions)],
    ),
  ),
  ...READING.flatMap(([name, more]) =>
    [...NEVER, ...more].map(
      (value): Case => ['preview', name, (all) => all.preview('a.csv', TEXT, { [name]: value })],
    ),
  ),
  ...(['records', 'export'] as const).flatMap((verb) =>
    [...NEVER, '', {}].map(
      (signal): Case => [verb, 'signal', (_, dataset) => dataset[verb]({ signal } as object)],
    ),
  ),
  ...['a', '__proto__'].flatMap((column) =>
    [Number.NaN, '', 'integer', '__proto__', {}, new Uint8Array(1)].map((type): Case => {
      const schema = JSON.parse(`{${JSON.stringify(column)}:0}`)
      Object.defineProperty(schema, column, { value: type, enumerable: true })
      return ['add', `schema["${column}"]`, (all) => all.add('new.csv', TEXT, { schema })]
    }),
  ),
  ...(['add', 'preview', 'records', 'export'] as const).flatMap((verb) =>
    [new Uint8Array(3), null, 5, [], 'x', new Map()].map((options): Case => {
      const given = options as object
      return [
        verb,
        verb,
        (all, dataset) =>
          verb === 'add' || verb === 'preview' ? all[verb]('new.csv', TEXT, given) : dataset[verb](given),
      ]
    }),
  ),
  ...(['add', 'preview'] as const).flatMap((verb) =>
    [Number.NaN, 'a,b', new Uint8Array(3), null, undefined, {}, []].map(
      (source): Case => [verb, 'source', (all) => all[verb]('new.csv', source as unknown as Blob)],
    ),
  ),
  ...[Number.NaN, -1, 2 ** 53, '\ud800', new Uint8Array(3), null, undefined].map(
    (name): Case => ['get', 'name', (all) => all.get(name as string)],
  ),
  ['add', 'colour', (all) => all.add('new.csv', TEXT, { colour: 1 } as object)],
  ['preview', 'colour', (all) => all.preview('new.csv', TEXT, { colour: 1 } as object)],
]

const NAMES: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  2 ** 53,
  '',
  ' ',
  'half \ud800',
  'n'.repeat(201),
  'a\nb',
  new Uint8Array(3),
  null,
]

describe('options of datasets', () => {
  test('SHD18 what an option cannot be is refused at once by its name, and nothing changes', async () => {
    const sim = createSimulation(71)
    const tab = new DataTab(sim, 0)
    await sim.settle(tab.start())
    const { datasets } = tab.data
    const dataset = await sim.settle(datasets.add('file.csv', streamOf(csvText(1, 50))))
    const before = sim.clock.now()
    const state = async () => [await tab.idsOnDisk(), [...(await tab.shardsOnDisk()).keys()], dataset.info()]
    const seen = await state()
    const wrong: string[] = []
    for (const [what, name, call] of CASES) {
      const error = await failureOf(() => call(datasets, dataset))
      const { code, option } = Object(error)
      if (code !== 'bad-option' || option !== name) wrong.push(`${what} ${name}: ${String(error)}`)
    }
    for (const name of NAMES) {
      const error = await failureOf(() => datasets.add(name as string, TEXT))
      if (Object(error).code !== 'bad-name') wrong.push(`add ${String(name)}: ${String(error)}`)
    }
    expect(wrong).toEqual([])
    // No clock has gone on: nobody waited for anything.
    expect(sim.clock.now()).toBe(before)
    expect(await state()).toEqual(seen)
    await sim.settle(dataset.drop())
    expect(datasets.list()).toEqual([])
  })
})

/** Undefined when it went well. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return undefined
  } catch (error) {
    return error
  }
}
