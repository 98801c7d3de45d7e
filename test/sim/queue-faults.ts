import { DedupWindow } from '../../web/messaging/queue/dedup.ts'
import { Dispatcher } from '../../web/messaging/queue/dispatcher.ts'
import { Facts } from '../../web/messaging/queue/facts.ts'
import { Finishers } from '../../web/messaging/queue/finishers.ts'
import { Groups } from '../../web/messaging/queue/groups.ts'
import type { Live } from '../../web/messaging/queue/live.ts'
import { Owner } from '../../web/messaging/queue/owner.ts'
import { Replica } from '../../web/messaging/queue/replica.ts'
import { Replication } from '../../web/messaging/queue/replication.ts'
import { TxLedger } from '../../web/messaging/queue/tx-ledger.ts'
import type { Value } from '../../web/wire/index.ts'
import type { Sabotage } from '../support/sim/messaging-tab.ts'
import { oneIn, plant, type Uproot } from '../support/sim/plant.ts'
import { proxy, withRequest } from '../support/sim/taps.ts'
import type { BusyKind } from './queue-busy.ts'
import { QUEUE } from './queue-story.ts'

type Row = Readonly<Record<string, unknown>>

/** A fault of the product that is built in for one story, where it shows, and which checks must find it. */
export interface Fault {
  readonly what: string
  readonly kind: BusyKind
  readonly checks: readonly string[]
  /** Of the classes, in all tabs at once. */
  readonly plant?: (seed: number) => Uproot
  /** Of what one tab says and hears. */
  readonly sabotage?: (seed: number) => Sabotage
}

/** What a new owner begins with, changed by `change`: the first messages that its dispatcher hears of. */
function atTakeover(
  change: (lives: readonly Live[], dispatcher: Dispatcher) => readonly Live[],
): () => Uproot {
  return () => {
    const known = new WeakSet<Dispatcher>()
    return plant(
      Dispatcher,
      'added',
      (sound) =>
        function (this: Dispatcher, lives) {
          const isFirst = !known.has(this)
          known.add(this)
          return sound.call(this, isFirst && lives.length > 0 ? change(lives, this) : lives)
        },
    )
  }
}

function finishSilently(live: Live): void {
  live.source.done.add(live.number)
  live.source.live.delete(live.number)
}

export const FAULTS: readonly Fault[] = [
  {
    what: 'acks are not passed to the copies',
    kind: 'deaths',
    checks: ['repeated', 'two acks'],
    plant: () => plant(Replication, 'logDone', () => () => undefined),
  },
  {
    what: 'one ack in 50 is confirmed, then forgotten',
    kind: 'deaths',
    checks: ['repeated', 'two acks'],
    plant: (seed) => {
      const isForgotten = oneIn(50, seed)
      return plant(
        Owner,
        'settle',
        (sound) =>
          function (this: Owner, row, from) {
            const acks = (row['acks'] as readonly number[]).filter(() => !isForgotten())
            return sound.call(this, { ...row, acks }, from)
          },
      )
    },
  },
  {
    what: 'every tenth message is sent twice',
    kind: 'quiet',
    checks: ['doubled'],
    sabotage: (seed) => {
      const isTwice = oneIn(10, seed)
      return {
        room: (room, tab) =>
          withRequest(room, async (to, method, body, send) => {
            const answer = await send(to, method, body)
            if (method !== 'queue.put') return answer
            const { items } = body as unknown as { readonly items: readonly (readonly Value[])[] }
            const again = items.filter(isTwice).map(([, ...rest], at): Value => [at + 1, ...rest])
            if (again.length > 0)
              await send(to, method, {
                ...(body as Record<string, Value>),
                stream: tab.token(),
                base: 1,
                items: again,
              })
            return answer
          }),
      }
    },
  },
  {
    what: 'the order is reversed at a takeover',
    kind: 'lone',
    checks: ['redelivery order', 'order'],
    plant: atTakeover((lives) => {
      const orders = lives.map(({ order }) => order)
      for (const [at, live] of lives.entries()) live.order = orders.at(-1 - at) as number
      return lives
    }),
  },
  {
    what: 'an owner does not notice that it slept',
    kind: 'naps',
    checks: ['two acks', 'repeated'],
    plant: () => plantGetter(Facts, 'isLate', () => false),
  },
  {
    // One that notices its sleep says nothing that could be obeyed: two guards, and both are off here.
    what: 'an older owner is obeyed, which has not noticed that it slept',
    kind: 'naps',
    checks: ['repeated', 'two acks', 'lost'],
    plant: () => plantGetter(Facts, 'isLate', () => false),
    sabotage: obeysOlder,
  },
  {
    what: 'one commit in ten shows its messages and gives its acks back',
    kind: 'transfers',
    checks: ['repeated', 'transaction'],
    plant: (seed) => plantAborting(QUEUE, oneIn(10, seed)),
  },
  {
    what: 'one message in 500 is lost at a takeover',
    kind: 'deaths',
    checks: ['lost'],
    plant: (seed) => {
      const isLost = oneIn(500, seed)
      return atTakeover((lives) =>
        lives.filter((live) => {
          const isGone = isLost()
          if (isGone) finishSilently(live)
          return !isGone
        }),
      )()
    },
  },
  {
    what: 'the messages of a commit are dropped',
    kind: 'transfers',
    checks: ['transaction', 'lost'],
    plant: (seed) => {
      const isDropped = oneIn(20, seed)
      return plant(
        Dispatcher,
        'reveal',
        (sound) =>
          function (this: Dispatcher, lives) {
            if (lives.length === 0 || !isDropped()) return sound.call(this, lives)
            for (const live of lives) finishSilently(live)
          },
      )
    },
  },
  {
    what: 'a second queue’s part of a commit is dropped',
    kind: 'transfers',
    checks: ['transaction'],
    plant: (seed) => plantAborting('goods', oneIn(20, seed)),
  },
  {
    what: 'failed attempts are forgotten at a takeover',
    kind: 'deaths',
    checks: ['deliveryCount'],
    plant: atTakeover((lives) => {
      for (const live of lives) live.attempts = 0
      return lives
    }),
  },
  {
    what: 'a failed attempt is not counted',
    kind: 'quiet',
    checks: ['deliveryCount'],
    plant: () =>
      plant(
        Dispatcher,
        'fail',
        () =>
          function (this: Dispatcher, consumer, token) {
            return this.release(consumer, token)
          },
      ),
  },
  {
    what: 'leases are not held back at a takeover',
    kind: 'deaths',
    checks: ['two hands', 'refused'],
    plant: () =>
      plant(
        Dispatcher,
        'addConsumer',
        (sound) =>
          function (this: Dispatcher, spec) {
            const consumer = sound.call(this, spec)
            this.start()
            return consumer
          },
      ),
  },
  {
    what: 'a late ack is confirmed',
    kind: 'sleeps',
    checks: ['two acks'],
    plant: () => plant(Finishers, 'has', () => () => true),
  },
  {
    what: 'dedup ids are forgotten at a takeover',
    kind: 'deaths',
    checks: ['doubled'],
    plant: () => {
      const copied = new WeakSet<DedupWindow>()
      const uproots = [
        plant(
          Replica,
          'rememberIds',
          () =>
            async function (this: Replica) {
              copied.add(this.dedup)
            },
        ),
        plant(
          Replica,
          'setReading',
          (sound) =>
            function (this: Replica, reader, isReading) {
              if (reader === 'owner' && this.epoch.number > 1) copied.add(this.dedup)
              sound.call(this, reader, isReading)
            },
        ),
        plant(
          DedupWindow,
          'has',
          (sound) =>
            function (this: DedupWindow, id) {
              return !copied.has(this) && sound.call(this, id)
            },
        ),
      ]
      return () => {
        for (const uproot of uproots) uproot()
      }
    },
  },
  {
    what: 'a copy says that it has what it has not',
    kind: 'disks',
    checks: ['lost'],
    sabotage: (seed) => {
      const isDropped = oneIn(10, seed)
      return {
        room: (room) =>
          proxy(room, {
            serve: (method, handler) =>
              room.serve(method, (body, context) => {
                if (method !== 'queue.copy') return handler(body, context)
                const { items } = body as unknown as { readonly items: readonly unknown[] }
                return handler({ ...(body as Row), items: items.filter(() => !isDropped()) }, context)
              }),
          }),
      }
    },
  },
  {
    what: 'a window comes back out of order',
    kind: 'groups',
    checks: ['redelivery order'],
    plant: () =>
      plant(
        Dispatcher,
        'removeConsumers',
        (sound) =>
          function (this: Dispatcher, ids, how) {
            const leases = ids.flatMap((id) => [...(this.consumers.get(id)?.leases.values() ?? [])])
            const orders = leases.map(({ live }) => live.order)
            for (const [at, { live }] of leases.entries()) live.order = orders.at(-1 - at) as number
            sound.call(this, ids, how)
          },
      ),
  },
  {
    what: 'a group goes to whoever has room',
    kind: 'groups',
    checks: ['alone'],
    plant: () => plant(Groups, 'canTake', () => () => true),
  },
  {
    what: 'a message of a transaction is seen before it is committed',
    kind: 'transfers',
    checks: ['transaction'],
    plant: () => plant(TxLedger, 'isVisible', () => () => true),
  },
]

/** A commit comes to this queue as an abort. */
function plantAborting(queue: string, isWrong: () => boolean): Uproot {
  return plant(
    Owner,
    'apply',
    (sound) =>
      function (this: Owner, row, from) {
        const isTurned = row['queue'] === queue && row['decision'] === 'commit' && isWrong()
        return sound.call(this, isTurned ? { ...row, decision: 'abort' } : row, from)
      },
  )
}

/** What an owner says whose reign is over is taken for the word of the one that reigns. */
function obeysOlder(): Sabotage {
  const OBEYED = ['queue.copy', 'queue.summary', 'queue.fetch']
  return {
    room: (room) => {
      let newest: { readonly epoch: unknown; readonly from: string } | undefined
      return proxy(room, {
        serve: (method, handler) =>
          room.serve(method, async (body, context) => {
            if (!OBEYED.includes(method)) return handler(body, context)
            try {
              const answer = await handler(body, context)
              newest = { epoch: (body as Row)['epoch'], from: context.from }
              return answer
            } catch (error) {
              if ((error as { code?: unknown }).code !== 'stale-epoch' || !newest) throw error
              return handler(
                { ...(body as Row), epoch: newest.epoch },
                { ...context, from: newest.from as never },
              )
            }
          }),
      })
    },
  }
}

function plantGetter<T extends object>(
  of: { readonly prototype: T },
  name: keyof T & string,
  get: () => unknown,
): Uproot {
  const sound = Object.getOwnPropertyDescriptor(of.prototype, name) as PropertyDescriptor
  Object.defineProperty(of.prototype, name, { ...sound, get })
  return () => Object.defineProperty(of.prototype, name, sound)
}
