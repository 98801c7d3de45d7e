import { createMemorySandboxFactory } from '../../../web/compute/sandbox/memory.ts'
import { deriveRoom } from '../../../web/mesh/index.ts'
import { createNode, type MeshNode, NODE_TABLES, type NodeOptions } from '../../../web/node.ts'
import { MemoryDisk } from '../../../web/storage/index.ts'
import { compileJob as compile } from '../compile.ts'
import type { Simulation } from './simulation.ts'

/** The disk of the n-th tab, which outlives its nodes. */
export function diskOf(sim: Simulation, index: number): MemoryDisk {
  return sim.tab(index).kept('disk', () => new MemoryDisk())
}

/** A whole node on the n-th tab of the simulation. */
export async function openNodeTab(
  sim: Simulation,
  index: number,
  secret: Uint8Array,
  options: Partial<NodeOptions> = {},
): Promise<MeshNode> {
  const tab = sim.tab(index)
  const { clock, crypto, random, identity, deviceId } = tab
  const { roomId } = await deriveRoom(crypto, secret)
  const store = await diskOf(sim, index).open(NODE_TABLES)
  const sandboxes = createMemorySandboxFactory({ clock, compile })
  return createNode({
    roomSecret: secret,
    identity,
    deviceId,
    name: `tab ${index}`,
    inviteBase: 'https://mesh.example/',
    ports: { transport: tab.transport(roomId), store, crypto, clock, random, sandboxes },
    ...options,
  })
}
