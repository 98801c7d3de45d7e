import { expect, test } from 'vitest'
import type { AddOptions } from '../../web/data/index.ts'
import { createSimulation } from '../support/sim/index.ts'
import { DataTab } from './data-room.ts'

const columns = (count: number, chars: number) =>
  Array.from({ length: count }, (_, n) => String(n).padEnd(chars, 'x')).join(',')

/** What goes beyond each limit of a dataset, and what its error says: the limit by its number. */
test.each<[string, string, string, AddOptions, RegExp]>([
  ['a record', 'a.txt', `one\n${'x'.repeat(2 ** 23 + 1)}`, {}, /record 2 .*8 MiB/],
  ['the header line', 'a.csv', `${columns(4096, 300)}\n1\n`, {}, /header line.*1 MiB/],
  ['columns', 'a.csv', `${columns(4097, 1)}\n1\n`, {}, /4097 columns.*4096/],
  ['lines to skip', 'a.csv', 'a\n1\n', { skipLines: 1001 }, /skipLines .*1000/],
  ['a small shard', 'a.csv', 'a\n1\n', { shardBytes: 4095 }, /shardBytes .*4096/],
  ['a large shard', 'a.csv', 'a\n1\n', { shardBytes: 2 ** 23 + 1 }, /shardBytes .*8388608/],
  ['copies', 'a.csv', 'a\n1\n', { replicas: 13 }, /replicas .*12/],
  ['a name', 'x'.repeat(201), 'a\n1\n', {}, /200 characters/],
])('SHD19 more than the limit of %s is told by its number', async (_, name, text, options, says) => {
  const sim = createSimulation(1)
  const tab = new DataTab(sim, 0)
  await sim.settle(tab.start(), 60_000)
  const added = tab.data.datasets.add(name, new Blob([text]), options).then(
    () => 'it was added',
    (error: Error) => error.message,
  )
  expect(await sim.settle(added, 60_000)).toMatch(says)
})
