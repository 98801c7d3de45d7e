import { test } from './fixtures/actors.ts'
import { BOMBS, survives } from './fixtures/memory-bomb.ts'

test('SBX7: a task that eats buffers fails its job, and the room, its data and the next job are unharmed', async ({
  alice,
  bob,
  everybody,
  browserName,
}) => {
  test.setTimeout(90_000)
  await survives(BOMBS.buffers, { alice, bob, everybody, browserName })
})
