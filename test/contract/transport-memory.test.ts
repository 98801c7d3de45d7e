import { describe, test } from 'vitest'
import type { RoomId } from '../../web/base/index.ts'
import { createSimulation } from '../support/sim/index.ts'
import { TRANSPORT_RULES, type TransportWorld } from './transport.ts'

const ROOM = 'a'.repeat(32) as RoomId

function createWorld(path: { latencyMs: number; jitterMs: number; loss: number }): TransportWorld {
  const sim = createSimulation(1, { path })
  let count = 0
  return {
    transport: async () => sim.tab(count++).transport(ROOM),
    absentId: sim.tab(99).peerId,
    settle: (promise) => sim.settle(promise),
    until: (condition, what) => sim.runUntil(condition, 60_000, what),
    end: async () => {},
  }
}

const PATHS = {
  'a quiet network': { latencyMs: 1, jitterMs: 0, loss: 0 },
  'jitter and loss': { latencyMs: 20, jitterMs: 30, loss: 0.05 },
}

describe.each(Object.entries(PATHS))('memory transport over %s', (_, path) => {
  test.each(TRANSPORT_RULES)('$title', async ({ run }) => {
    const world = createWorld(path)
    await run(world)
    await world.end()
  })
})
