import { test } from './fixtures/actors.ts'
import { BOMBS, survives } from './fixtures/memory-bomb.ts'

/** Small objects end as buffers do; Firefox, which takes half a minute for it, is shown with buffers alone. */
test('SBX7: a task that eats arrays fails its job, and the room, its data and the next job are unharmed', async ({
  alice,
  bob,
  everybody,
  browserName,
}) => {
  test.setTimeout(90_000)
  await survives(BOMBS.arrays, { alice, bob, everybody, browserName })
})
