import { text } from '../../web/ui/text.ts'
import { types } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'

test.describe('the view of queues', () => {
  test('UI10 sends, looks, sends dead letters back and empties', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    await alice.sendsToQueue('orders', '{ "item": 7 }')
    await alice.sendsToQueue('orders', 'plain words')
    await bob.shows('queues')
    await expect(bob.queueRow('orders')).toContainText(/2\s*messages/)
    await bob.opensQueue('orders')
    const table = bob.page.getByRole('region', { name: text.queues.table })
    await expect(table.getByRole('row')).toHaveCount(3)
    await expect(table).toContainText('plain words')
    await expect(table).toContainText('Alice')
    // Nobody can make anything of it: it ends among the dead letters.
    await bob.tells(async () => {
      let left = 20
      for await (const delivery of window.tabmesh?.queue('orders').consume({ ack: 'individual' }) ?? []) {
        await delivery.nack()
        if (--left === 0) break
      }
    })
    await bob.button(text.queues.all).click()
    await bob.opensQueue('DLQ.orders')
    await bob.button(text.queues.retry).click()
    await expect(bob.page.getByRole('status').filter({ hasText: text.queues.retried(2) })).toBeVisible()
    await bob.button(text.queues.all).click()
    await bob.opensQueue('orders')
    await bob.button(text.queues.purge).click()
    await bob.button(text.queues.purgeConfirm).click()
    await expect(bob.page.getByRole('status').filter({ hasText: text.queues.purged(2) })).toBeVisible()
    await expect(bob.button(text.queues.purge)).toBeDisabled()
  })

  test('UI10 shows who takes from a queue, and what each wants', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    await bob.tells(async () => {
      const loop = window.tabmesh?.queue('orders').consume({ selector: 'size > 3', priority: 2 })
      void (async () => {
        for await (const _ of loop ?? []);
      })()
    })
    await alice.tells(async () => {
      for (const size of [1, 5]) await window.tabmesh?.queue('orders').send('x', { headers: { size } })
    })
    await alice.shows('queues')
    await alice.opensQueue('orders')
    const table = alice.page.getByRole('region', { name: text.queues.consumerTable })
    await expect(table.getByRole('row')).toHaveCount(2)
    await expect(table).toContainText('Bob')
    await expect(table).toContainText('size > 3')
    await expect(table).toContainText(text.queues.rank(2))
    await bob.leaves()
    await expect(table).toBeHidden()
  })

  test('UI10 what cannot be sent says why', async ({ alice }) => {
    await alice.startsRoom()
    await alice.shows('queues')
    const form = alice.page.getByRole('region', { name: text.queues.sendNew })
    await types(form.getByLabel(text.queues.name, { exact: true }), 'not a name')
    await types(form.getByLabel(text.queues.body, { exact: true }), 'x')
    await form.getByRole('button', { name: text.queues.send, exact: true }).click()
    await expect(form.getByRole('alert')).toContainText('not a name')
  })
})

test.describe('queues', () => {
  test('QUE3 QUE8 QUE23 one tab sends, another works, and what fails is found among the dead letters', async ({
    alice,
    bob,
    everybody,
  }) => {
    await everybody.meets()
    const sent = await alice.tells(async () => {
      const queue = window.tabmesh?.queue('orders', { maxDeliveries: 2 })
      const results = await Promise.all(['good', 'bad'].map((body) => queue?.send(body)))
      return results.map((result) => [result?.level, result?.copies])
    })
    expect(sent).toEqual([
      ['replicated', 2],
      ['replicated', 2],
    ])
    const worked = await bob.tells(async () => {
      const node = window.tabmesh
      const done: string[] = []
      for await (const delivery of node?.queue('orders').consume({ ack: 'individual' }) ?? []) {
        done.push(`${String(delivery.body)} ${delivery.deliveryCount}`)
        if (delivery.body === 'good') await delivery.ack()
        else await delivery.nack()
        if (done.length === 3) break
      }
      for await (const dead of node?.queue('DLQ.orders').consume() ?? []) {
        done.push(`dead ${String(dead.body)} of ${String(dead.headers['_AMQ_ORIG_ADDRESS'])}`)
        break
      }
      return done
    })
    expect(worked).toEqual(['good 1', 'bad 1', 'bad 2', 'dead bad of orders'])
    // A dead letter is safe in its queue before it is finished in this one.
    await alice.waits(
      async () => {
        const stats = await window.tabmesh?.queue('orders').stats()
        return stats?.messages === 0 && stats.acked === 1 && stats.dead === 1
      },
      undefined,
      10_000,
    )
  })

  test('QUE25 QUE29 what waits in a queue outlives its sender, its owner and a reload of all', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    await alice.tells(async () => {
      const queue = window.tabmesh?.queue('jobs')
      for (let n = 0; n < 50; n++) await queue?.send({ n })
    })
    await alice.leaves()
    await Promise.all([bob.reloads(), carol.reloads()])
    await bob.sees(carol)
    const numbers = await bob.tells(async () => {
      const got: number[] = []
      for await (const delivery of window.tabmesh?.queue('jobs').consume() ?? []) {
        got.push((delivery.body as { n: number }).n)
        if (got.length === 50) {
          await delivery.ack()
          break
        }
      }
      return got
    })
    expect(numbers).toEqual(Array.from({ length: 50 }, (_, n) => n))
  })
})
