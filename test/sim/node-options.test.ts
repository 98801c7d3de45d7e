import { describe, expect, test } from 'vitest'
import { OptionError } from '../../web/base/index.ts'
import { deriveRoom } from '../../web/mesh/index.ts'
import type { MeshNode, NodeOptions } from '../../web/node.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'
import { openMessagingTab } from '../support/sim/messaging-tab.ts'
import { openNodeTab } from '../support/sim/node-tab.ts'

const SECRET = new Uint8Array(32).fill(5)
/** What no option of ours takes as it is: each call below is given every one of them where another type belongs. */
const NO_NUMBER = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  2 ** 53,
  '',
  '5',
  '\ud83d',
  null,
  new Uint8Array(4),
  1.5,
]
const NO_BOOLEAN = [Number.NaN, 0, 1, '', 'false', null, {}, []]
const NO_NAME = [
  '',
  ' ',
  '\ud83d',
  '\u202e',
  '\u200b\u200b',
  '\u3164',
  null,
  5,
  Number.NaN,
  {},
  new Uint8Array(4),
  '\n',
]
const NO_SIGNAL = [null, true, {}, 5, 'a']

async function refusalOf(sim: Simulation, call: () => unknown): Promise<{ option: string; code: string }> {
  try {
    const result = await sim.settle((async () => call())())
    return { option: `taken: ${String(result)}`, code: '' }
  } catch (error) {
    if (error instanceof OptionError) return { option: error.option, code: error.code }
    return { option: `another error: ${String(error)}`, code: (error as { code?: string }).code ?? '' }
  }
}

async function expectRefused(
  sim: Simulation,
  name: string,
  values: readonly unknown[],
  call: (value: unknown) => unknown,
): Promise<void> {
  for (const value of values)
    expect(await refusalOf(sim, () => call(value)), `${name}: ${JSON.stringify(value)}`).toEqual({
      option: name,
      code: 'bad-option',
    })
}

async function alone(
  seed: number,
  options: Partial<NodeOptions> = {},
): Promise<{ sim: Simulation; node: MeshNode }> {
  const sim = createSimulation(seed)
  return { sim, node: await sim.settle(openNodeTab(sim, 0, SECRET, options)) }
}

const COMPUTE = { dataset: 'lines', map: '() => undefined' }

describe('options of a node', () => {
  test('NODE12 createNode refuses what cannot be, by name', async () => {
    const sim = createSimulation(1)
    let index = 0
    const create = (options: object) => openNodeTab(sim, index++, SECRET, options as NodeOptions)
    await expectRefused(sim, 'slots', [...NO_NUMBER, 0, 1025], (slots) => create({ slots }))
    await expectRefused(sim, 'holdsData', NO_BOOLEAN, (holdsData) => create({ holdsData }))
    await expectRefused(sim, 'takesWork', NO_BOOLEAN, (takesWork) => create({ takesWork }))
    await expectRefused(sim, 'name', NO_NAME, (name) => create({ name }))
    await expectRefused(sim, 'roomSecret', [new Uint8Array(31), [], 'a', null], (roomSecret) =>
      create({ roomSecret }),
    )
    await expectRefused(sim, 'inviteBase', ['', 'mesh', null], (inviteBase) => create({ inviteBase }))
    await expectRefused(sim, 'signal', NO_SIGNAL, (signal) => create({ signal }))
    await expectRefused(sim, 'onRename', [null, 'a', {}], (onRename) => create({ onRename }))
    await expectRefused(sim, 'destinations', [null, 'a', {}], (destinations) => create({ destinations }))
    await expectRefused(sim, 'holdData', [true], (holdData) => create({ holdData }))
    const patterns = (history: unknown) => create({ destinations: [{ pattern: 'a.#', history }] })
    await expectRefused(sim, 'history of a.#', [...NO_NUMBER, 10_001], patterns)
  })

  test('NODE12 an open node refuses them too, and changes nothing', async () => {
    const { sim, node } = await alone(2)
    const before = node.getSnapshot()
    await expectRefused(sim, 'holdsData', NO_BOOLEAN, (holdsData) =>
      node.configure({ takesWork: false, holdsData } as object),
    )
    await expectRefused(sim, 'takesWork', NO_BOOLEAN, (takesWork) => node.configure({ takesWork } as object))
    await expectRefused(sim, 'takeWork', [true], (takeWork) => node.configure({ takeWork } as object))
    await expectRefused(sim, 'configure', [null, true, [], new Uint8Array(1)], (given) =>
      node.configure(given as object),
    )
    await expectRefused(sim, 'slots', [...NO_NUMBER, 0], (slots) => node.updateProfile({ slots } as object))
    await expectRefused(sim, 'isHidden', NO_BOOLEAN, (isHidden) => node.updateProfile({ isHidden } as object))
    await expectRefused(sim, 'name', NO_NAME, (name) => node.rename(name as string))
    await expectRefused(sim, 'listener', [null, undefined, {}, 'a'], (listener) =>
      node.subscribe(listener as () => void),
    )
    expect(node.getSnapshot()).toEqual(before)
  })

  test('NODE12 datasets, jobs and files do', async () => {
    const { sim, node } = await alone(3)
    const add = (options: object) => node.datasets.add('lines', new Blob(['a\nb\n']), options)
    await expectRefused(sim, 'shardBytes', [...NO_NUMBER, 4095, 8 * 1024 * 1024 + 1], (shardBytes) =>
      add({ shardBytes }),
    )
    await expectRefused(sim, 'replicas', [...NO_NUMBER, 0], (replicas) => add({ replicas }))
    await expectRefused(sim, 'format', ['', 'CSV', null, 5, {}], (format) => add({ format }))
    await expectRefused(sim, 'onProgress', [null, 5, {}], (onProgress) => add({ onProgress }))
    await expectRefused(sim, 'signal', NO_SIGNAL, (signal) => add({ signal }))
    await expectRefused(sim, 'shardByte', [5], (shardByte) => add({ shardByte }))
    const lines = await sim.settle(add({ format: 'text' }), 60_000, 'added')
    await expectRefused(sim, 'signal', NO_SIGNAL, (signal) => lines.export({ signal } as object))
    await expectRefused(sim, 'signal', NO_SIGNAL, (signal) =>
      lines
        .records({ signal } as object)
        [Symbol.asyncIterator]()
        .next(),
    )

    const run = (options: object) => node.jobs.mapReduce({ ...COMPUTE, ...options }).result()
    const jobCode = async (options: object) => {
      const error = await sim.settle(run(options).then(String, (reason) => reason))
      return `${error.code}: ${error.message.split(' ')[0]}`
    }
    for (const value of [...NO_NUMBER, 0]) {
      expect(await jobCode({ partitions: value })).toBe('bad-option: partitions')
      expect(await jobCode({ taskTimeoutMs: value })).toBe('bad-option: taskTimeoutMs')
    }
    for (const value of NO_SIGNAL) expect(await jobCode({ signal: value })).toBe('bad-option: signal')
    expect(await jobCode({ taskTimeout: 5 })).toBe('bad-option: taskTimeout')
    for (const given of [undefined, null, 5, [], new Uint8Array(2)]) {
      const error = await sim.settle(
        node.jobs
          .mapReduce(given as never)
          .result()
          .then(String, (reason) => reason),
      )
      expect(error.code).toBe('bad-option')
    }
    await expectRefused(sim, 'signal', NO_SIGNAL, (signal) =>
      node.jobs.mapReduce(COMPUTE).result({ signal } as object),
    )

    await expectRefused(sim, 'file', [null, 'a', new Uint8Array(3), {}], (file) =>
      node.files.share(file as Blob),
    )
    await expectRefused(sim, 'name', [null, 5, {}, []], (name) =>
      node.files.share(new Blob(['a']), { name } as object),
    )
    await expectRefused(sim, 'nam', ['a'], (nam) => node.files.share(new Blob(['a']), { nam } as object))
    await expectRefused(sim, 'to', [null, '', node.id, 'b'.repeat(32)], (to) =>
      node.files.send(to as never, new Blob(['a'])),
    )
    await expectRefused(sim, 'file', [null, 'a', {}, { id: 'a' }], (file) =>
      node.files.fetch('b'.repeat(32) as never, file as never),
    )
  })

  test('NODE13 a name is made fit to be shown, for everybody and for whoever remembers it', async () => {
    const remembered: string[] = []
    const { sim, node } = await alone(4, {
      name: '\u202e  Ada\u200b\n Lovelace \ud83d',
      onRename: (name) => remembered.push(name),
    })
    const other = await sim.settle(openNodeTab(sim, 1, SECRET))
    const seen = () => other.peers()[0]?.name
    await sim.runUntil(() => seen() !== undefined, 30_000, 'they meet')
    expect([node.name, seen()]).toEqual(['Ada Lovelace', 'Ada Lovelace'])
    const cut = `${'x'.repeat(39)}😀`.slice(0, 40)
    node.rename(cut)
    await sim.runUntil(() => seen() === 'x'.repeat(39), 5_000, 'the new name arrives')
    expect(remembered).toEqual(['x'.repeat(39)])
  })

  test.each([
    ['\u202eadA', 'adA'],
    ['E\u200bve\u2066', 'Eve'],
    ['\u3164', 'id'],
  ])(
    'NODE13 what a peer of another build calls itself is made fit when it is shown: %j',
    async (said, shown) => {
      const { sim, node } = await alone(5)
      const other = await sim.settle(openMessagingTab(sim.tab(1), await deriveRoom(sim.crypto, SECRET), said))
      await sim.runUntil(() => node.peers().length === 1, 30_000, 'they meet')
      const { peerId } = other.room.self
      expect(node.peers()[0]?.name).toBe(shown === 'id' ? peerId.slice(0, 6) : shown)
      expect(node.getSnapshot().peers[0]?.name).toBe(node.peers()[0]?.name)
    },
  )
})
