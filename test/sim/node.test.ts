import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../web/base/index.ts'
import type { Job } from '../../web/compute/index.ts'
import { NO_PATH } from '../../web/mesh/index.ts'
import type { MeshNode, NodeOptions } from '../../web/node.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'
import { diskOf, openNodeTab } from '../support/sim/node-tab.ts'
import { seedsOf } from '../support/sim/seeds.ts'

const SEEDS = seedsOf(40)
const TABS = 3
const SECRET = new Uint8Array(32).fill(5)
const ORIGINS = ['ABE', 'JFK', 'LAX', 'SFO'] as const
const ROWS = 4_000
const CSV = ['origin,delay', ...Array.from({ length: ROWS }, (_, n) => `${ORIGINS[n % 4]},${n}`), ''].join(
  '\n',
)
const EACH = ROWS / ORIGINS.length
const RESULT = ORIGINS.map((origin, at) => [origin, EACH * at + (ORIGINS.length * EACH * (EACH - 1)) / 2])

interface Mesh {
  readonly sim: Simulation
  readonly nodes: MeshNode[]
  open(index: number, options?: Partial<NodeOptions>): Promise<MeshNode>
}

async function openMesh(seed: number, count = TABS): Promise<Mesh> {
  const sim = createSimulation(seed, { path: { latencyMs: 5, jitterMs: 5 } })
  const nodes: MeshNode[] = []
  const open = async (index: number, options: Partial<NodeOptions> = {}) => {
    const node = await sim.settle(openNodeTab(sim, index, SECRET, options))
    nodes[index] = node
    return node
  }
  for (let index = 0; index < count; index++) await open(index)
  await sim.runUntil(
    () => nodes.every((node) => node.peers().length === count - 1),
    30_000,
    'everybody is linked',
  )
  return { sim, nodes, open }
}

function sumDelays(node: MeshNode): Job {
  return node.jobs.mapReduce({
    dataset: 'flights.csv',
    map: '(flight, ctx) => ctx.emit(flight.origin, Number(flight.delay))',
    combine: '(_, delays) => delays.reduce((a, b) => a + b, 0)',
    reduce: '(_, delays) => delays.reduce((a, b) => a + b, 0)',
    partitions: 3,
  })
}

async function addFlights({ sim, nodes }: Mesh): Promise<void> {
  const added = (nodes[0] as MeshNode).datasets.add('flights.csv', new Blob([CSV]), { shardBytes: 4096 })
  await sim.settle(added, 60_000, 'the dataset is added')
}

/** Join, chat, add, run a job, lose a tab meanwhile. */
async function story(seed: number): Promise<Simulation> {
  const mesh = await openMesh(seed)
  const { sim, nodes } = mesh
  const [first, second, third] = nodes as [MeshNode, MeshNode, MeshNode]
  await sim.settle(first.topic('chat.general').publish('hello', { level: 'stored' }))
  await addFlights(mesh)
  for (const node of nodes) expect(node.datasets.get('flights.csv')?.info().records).toBe(ROWS)
  const job = sumDelays(second)
  await sim.run(sim.random.float() * 60)
  if (sim.random.float() < 0.5) sim.tab(2).kill()
  else await sim.settle(third.close())
  expect(await sim.settle(job.result(), 120_000, 'the job ends')).toEqual(RESULT)
  const isWhole = () => first.datasets.get('flights.csv')?.info().missingReplicas === 0
  await sim.runUntil(isWhole, 60_000, 'the copies are rebuilt')
  await sim.runUntil(
    () => second.history.entries('chat.general').length === 1,
    10_000,
    'the message is there',
  )
  return sim
}

describe('whole nodes', () => {
  test(
    `NODE1 ${SEEDS.length} seeds: a room talks, holds a file and runs a job, and a lost tab changes nothing`,
    async () => {
      for (const seed of SEEDS) await story(seed)
    },
    SEEDS.length * 6_000,
  )

  test('NODE2 the same seed gives the same trace', async () => {
    const [first, second] = [await story(11), await story(11)]
    expect(second.trace.hash).toBe(first.trace.hash)
  })

  test('NODE3 what is kept is there again when all tabs come back, and the job runs on it', async () => {
    const mesh = await openMesh(5)
    const { sim, nodes, open } = mesh
    await sim.settle((nodes[0] as MeshNode).topic('chat.general').publish('hello', { level: 'stored' }))
    await addFlights(mesh)
    await sim.settle(Promise.all(nodes.map((node) => node.close())))
    for (let index = 0; index < TABS; index++) {
      sim.tab(index).restart()
      await open(index)
    }
    await sim.runUntil(() => nodes.every((node) => node.peers().length === TABS - 1), 30_000)
    const isWhole = () =>
      nodes[1]?.datasets.get('flights.csv')?.info().availableShards ===
      nodes[1]?.datasets.get('flights.csv')?.shards().length
    await sim.runUntil(isWhole, 10_000)
    expect(await sim.settle(sumDelays(nodes[1] as MeshNode).result())).toEqual(RESULT)
    expect(nodes[1]?.history.entries('chat.general')).toMatchObject([{ body: 'hello' }])
  })

  test('NODE4 a node without signaling works on what it has', async () => {
    const mesh = await openMesh(6, 1)
    const { sim, nodes, open } = mesh
    await addFlights(mesh)
    await sim.settle((nodes[0] as MeshNode).close())
    sim.network.setSignaling(false)
    sim.tab(0).restart()
    const again = await open(0)
    expect(again.getSnapshot().signaling).not.toBe('connected')
    expect(await sim.settle(sumDelays(again).result())).toEqual(RESULT)
  })

  test('NODE5 one way to end: close and drain are idempotent, closed tells why, the ports end too', async () => {
    const { sim, nodes } = await openMesh(7, 2)
    const [first, second] = nodes as [MeshNode, MeshNode]
    await sim.settle(Promise.all([first.close(), first.close(), first.drain()]))
    expect(await first.closed).toBe('closed')
    await expect(first.topic('a').publish(1)).rejects.toMatchObject({ code: 'closed' })
    await sim.runUntil(() => second.peers().length === 0, 1_000, 'the other sees it go at once')
    await sim.settle(second[Symbol.asyncDispose]())
    expect(await second.closed).toBe('drained')
  })

  test('NODE5 drain waits for own imports and jobs, but no longer than its limit', async () => {
    const mesh = await openMesh(13, 2)
    const { sim, nodes } = mesh
    const [first, second] = nodes as [MeshNode, MeshNode]
    await addFlights(mesh)
    const added = first.datasets.add('more.csv', new Blob([CSV]), { shardBytes: 4096 })
    const job = sumDelays(first)
    await sim.settle(first.drain())
    expect((await added).info().records).toBe(ROWS)
    expect(await job.result()).toEqual(RESULT)
    const endless = second.datasets.add('endless.csv', new ReadableStream())
    endless.catch(() => {})
    const began = sim.clock.now()
    await sim.settle(second.drain())
    expect(sim.clock.now() - began).toBeGreaterThanOrEqual(10_000)
    expect(sim.clock.now() - began).toBeLessThan(11_000)
    await expect(endless).rejects.toMatchObject({ code: 'closed' })
  })

  test('NODE10 the owner hears of the first import alone, and its answer is not waited for', async () => {
    let asked = 0
    const mesh = await openMesh(14, 0)
    const node = await mesh.open(0, {
      onImport: () => {
        asked++
        return new Promise<void>(() => {})
      },
    })
    expect(asked).toBe(0)
    await addFlights(mesh)
    const again = node.datasets.add('more.csv', new Blob(['a,b\n1,2\n']))
    expect((await mesh.sim.settle(again)).info().records).toBe(1)
    expect(asked).toBe(1)
  })

  test('NODE6 a forgotten store closes the node with that reason', async () => {
    const { sim, nodes } = await openMesh(8, 2)
    diskOf(sim, 0).forget()
    expect(await sim.settle((nodes[0] as MeshNode).closed)).toBe('forgotten')
  })

  test('NODE7 the snapshot is the same until something changes, and listeners hear once for each turn', async () => {
    const { sim, nodes } = await openMesh(9, 2)
    const node = nodes[0] as MeshNode
    const names: string[] = []
    await sim.run(50)
    const before = node.getSnapshot()
    expect(node.getSnapshot()).toBe(before)
    expect(Object.isFrozen(before)).toBe(true)
    node.subscribe(() => names.push(node.getSnapshot().name))
    node.rename('Ada')
    node.configure({ takesWork: false })
    await sim.run(0)
    expect(names).toEqual(['Ada'])
    expect(node.getSnapshot()).toMatchObject({ name: 'Ada', takesWork: false })
    await sim.runUntil(() => nodes[1]?.peers()[0]?.name === 'Ada', 1_000)
    expect(nodes[1]?.peers()[0]?.slots).toBe(0)
  })

  test('NODE8 who no longer holds data hands it over', async () => {
    const mesh = await openMesh(10)
    const { sim, nodes } = mesh
    await addFlights(mesh)
    const leaving = nodes[1] as MeshNode
    leaving.configure({ holdsData: false })
    const shards = () => nodes[0]?.datasets.get('flights.csv')?.shards() ?? []
    const isHandedOver = () =>
      shards().every(({ holders }) => holders.filter((holder) => holder !== leaving.id).length >= 2)
    await sim.runUntil(isHandedOver, 60_000, 'the others hold two copies of each')
    expect(nodes[0]?.peers().find((peer) => peer.peerId === leaving.id)?.capacity).toBe(0)
  })

  test('NODE9 a renamed node tells its owner, and refuses a name out of bounds', async () => {
    const remembered: string[] = []
    const { open } = await openMesh(12, 1)
    const node = await open(1, { onRename: (name) => remembered.push(name) })
    node.rename('Grace')
    expect(remembered).toEqual(['Grace'])
    expect(() => node.rename('')).toThrow()
    expect(node.name).toBe('Grace')
  })

  test('NODE11 a network that keeps two devices apart is the room’s problem; somebody who has gone is none', async () => {
    const sim = createSimulation(21)
    const ids = [0, 1].map((n) => sim.tab(n).peerId)
    sim.network.partition([ids[0] as PeerId], [ids[1] as PeerId])
    const apart = await sim.settle(openNodeTab(sim, 0, SECRET))
    await sim.settle(openNodeTab(sim, 1, SECRET))
    await sim.runUntil(() => apart.getSnapshot().problem !== undefined, 60_000, 'the problem')
    expect(apart.getSnapshot().problem).toEqual({ code: 'network', message: NO_PATH })

    const { sim: other, nodes } = await openMesh(22, 2)
    other.tab(1).kill()
    const [left] = nodes as [MeshNode, MeshNode]
    await other.runUntil(() => left.peers().length === 0, 10_000, 'the loss')
    await other.run(1_000)
    expect(left.getSnapshot().problem).toBeUndefined()
  })
})
