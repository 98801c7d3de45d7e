import { expect, test } from 'vitest'
import { RoomError } from '../../web/mesh/index.ts'
import { QueueRoom } from '../support/queue-room.ts'
import { proxy, withRequest } from '../support/sim/taps.ts'

const QUEUES = 300
const SENDS = 12

test('QUE57 many queues at once in a healthy room: each send is replicated, and no copy begins again', async () => {
  const summaries = new Map<string, number>()
  const room = await QueueRoom.open(
    3,
    8,
    {},
    {
      // A disk that takes its time, so that much is under way at once.
      store: (store, tab) =>
        proxy(store, {
          write: async (writes, durability) => {
            await tab.sleep(20)
            return store.write(writes, durability)
          },
        }),
      room: (sound) =>
        withRequest(sound, (to, method, body, send) => {
          const { queue } = body as { queue: string }
          if (method === 'queue.summary') summaries.set(queue, (summaries.get(queue) ?? 0) + 1)
          return send(to, method, body)
        }),
    },
  )
  const names = Array.from({ length: QUEUES }, (_, at) => `queue.${at}`)
  const sends = names.flatMap((name, at) =>
    Array.from({ length: SENDS }, (_, n) => room.queue(at % 3, name).send(n)),
  )
  const sent = await room.settle(Promise.all(sends), 300_000)
  expect(sent.filter(({ level, copies }) => level !== 'replicated' || copies !== 2)).toEqual([])
  // A founder asks both others, and brings its one copy up to date.
  expect([...summaries.values()].filter((count) => count > 3)).toEqual([])
})

test('QUE57 a member that says that it is busy is asked again, and its copy does not begin anew', async () => {
  let busy = 0
  let summaries = 0
  const room = await QueueRoom.open(
    2,
    8,
    {},
    {
      room: (sound) =>
        withRequest(sound, (to, method, body, send) => {
          if (method === 'queue.summary') summaries++
          if (method !== 'queue.copy' || busy >= 40) return send(to, method, body)
          busy++
          return Promise.reject(new RoomError('busy', 'too much to do'))
        }),
    },
  )
  const sent = await room.settle(room.queue(0).send('job'), 60_000)
  expect(sent).toMatchObject({ level: 'replicated', copies: 2 })
  expect(busy).toBe(40)
  expect(summaries).toBeLessThanOrEqual(2)
})
