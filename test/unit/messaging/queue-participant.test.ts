import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../../web/base/index.ts'
import { MESSAGING_TABLES } from '../../../web/messaging/index.ts'
import { encodeBody, NO_HEADERS } from '../../../web/messaging/item.ts'
import { type Consumer, Dispatcher } from '../../../web/messaging/queue/dispatcher.ts'
import type { Live } from '../../../web/messaging/queue/live.ts'
import { Participant, type ParticipantPorts } from '../../../web/messaging/queue/participant.ts'
import { Replica } from '../../../web/messaging/queue/replica.ts'
import { DEFAULT_SETTINGS } from '../../../web/messaging/queue/settings.ts'
import type { Decision, TxState } from '../../../web/messaging/queue/tx-state.ts'
import { MemoryDisk } from '../../../web/storage/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'
import { createSimulation } from '../../support/sim/index.ts'
import type { MessagingTab } from '../../support/sim/messaging-tab.ts'
import { withRequest } from '../../support/sim/taps.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const SENDER = 'a'.repeat(32) as PeerId
const COORDINATOR = 'b'.repeat(32) as PeerId
const STREAM = 'c'.repeat(26)
const TX = 'd'.repeat(26)

/** A queue's part in transactions with three messages, on a virtual clock; nothing else of its owner. */
class Part {
  readonly sim = createSimulation(1)
  readonly clock = this.sim.tab(0).clock
  readonly given: string[] = []
  asked = 0
  answer: () => Promise<Decision | undefined> = () => Promise.reject(new Error('it has no owner'))
  heard: Decision | undefined
  readonly #finished: Live[] = []
  readonly replica: Replica
  readonly dispatcher: Dispatcher
  readonly participant: Participant

  private constructor(replica: Replica) {
    this.replica = replica
    const ports: ParticipantPorts = {
      clock: this.clock,
      note: (state) => replica.noteTx(state),
      finish: (lives) => this.#finish(lives),
      askOutcome: () => {
        this.asked++
        return this.answer()
      },
      askRoom: async () => this.heard,
      isHere: () => false,
    }
    this.participant = new Participant(replica, () => this.dispatcher, ports)
    this.dispatcher = new Dispatcher(DEFAULT_SETTINGS, this.clock, this.sim.random, {
      isHidden: (live) => this.participant.isHidden(live),
      deliver: ({ spec }, leases) => this.given.push(...leases.map(({ live }) => `${spec.id}${live.number}`)),
      onDead: () => undefined,
      onExpired: () => undefined,
      onReplaced: () => undefined,
      onAttempts: (live, attempts) => replica.setAttempts(live, attempts, 0),
    })
    this.dispatcher.start()
  }

  static async of(count: number): Promise<Part> {
    const store = await new MemoryDisk().open(MESSAGING_TABLES)
    const epoch = { number: 1, owner: SENDER }
    const replica = new Replica('orders', store, epoch)
    await replica.adopt(epoch)
    const numbers = Array.from({ length: count }, (_, at) => at + 1)
    const rest = { priority: 4, sentAt: 1, expiresAt: 0, deliverAt: 0, headers: NO_HEADERS, tags: {} }
    await replica.add(
      numbers.map((number) => ({
        ...{ from: SENDER, stream: STREAM, number, order: number, body: encodeBody('x') },
        ...rest,
      })),
    )
    const part = new Part(replica)
    part.dispatcher.added([...replica.messages()])
    return part
  }

  consumer(id: string, window: number): Consumer {
    const consumer = this.dispatcher.addConsumer({
      ...{ id, peer: SENDER, window, priority: 0, isExclusive: false, selector: '' },
      accepts: () => true,
    })
    this.dispatcher.pump()
    return consumer
  }

  /** Another member's copy brings what it knows of the transaction. */
  async hears(numbers: readonly number[], decision: Decision | undefined): Promise<void> {
    const acks = numbers.map((number) => [SENDER, STREAM, number] as const)
    const state: TxState = { tx: TX, home: 'home', coordinator: COORDINATOR, decision, acks, at: 0 }
    await this.replica.noteTx(state)
    this.participant.takeAll()
  }

  get decision(): Decision | undefined {
    return this.replica.transactions.get(TX)?.decision
  }

  /** Its owner looks at what is open every five seconds. */
  async run(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 5 * SECOND) {
      this.participant.sweep()
      await this.sim.run(5 * SECOND)
    }
  }

  #finish(lives: readonly Live[]): void {
    this.#finished.push(...lives)
    for (const live of lives) {
      live.source.live.delete(live.number)
      this.dispatcher.removed([live])
    }
  }

  get finished(): readonly number[] {
    return this.#finished.map(({ number }) => number)
  }
}

describe('QUE41 a prepared ack of which the owner hears when a copy comes back', () => {
  test('takes its message from whoever has it and from those that are ready, until the decision', async () => {
    const part = await Part.of(3)
    const first = part.consumer('A', 1)
    expect(part.given).toEqual(['A1'])
    const [token] = first.leases.keys()
    await part.hears([1, 2], undefined)
    part.consumer('B', 10_000)
    expect(part.given).toEqual(['A1', 'B3'])
    expect(part.dispatcher.leased(first, token as number)).toBeUndefined()
    expect(part.dispatcher.claim(first, part.replica.find(SENDER, STREAM, 2) as Live)).toBeUndefined()
    await part.hears([], 'abort')
    expect(part.given).toEqual(['A1', 'B3', 'B1', 'B2'])
  })

  test('and one that waited for its time does not come out when that is over', async () => {
    const part = await Part.of(1)
    const first = part.consumer('A', 10_000)
    const [token] = first.leases.keys()
    part.dispatcher.fail(first, token as number, 2 * SECOND)
    await part.hears([1], undefined)
    await part.sim.run(5 * SECOND)
    expect(part.given).toEqual(['A1'])
    await part.hears([], 'commit')
    expect(part.finished).toEqual([1])
    expect(part.given).toEqual(['A1'])
  })

  test('an attempt that this owner itself holds for it stays its consumer’s', async () => {
    const part = await Part.of(1)
    const first = part.consumer('A', 10_000)
    const [token] = first.leases.keys()
    const row = { tx: TX, home: 'home', tokens: [token] }
    expect(await part.participant.prepare(row, first, COORDINATOR)).toEqual({ isPrepared: true })
    part.participant.takeAll()
    expect([...first.leases.keys()]).toEqual([token])
    await part.hears([], 'abort')
    expect(part.dispatcher.leased(first, token as number)?.number).toBe(1)
  })
})

describe('QUE43 a transaction whose home does not answer', () => {
  test('is given back after ten minutes and counted; nobody is asked any more, and a late commit holds', async () => {
    const part = await Part.of(1)
    await part.hears([1], undefined)
    part.consumer('A', 10_000)
    await part.run(9 * MINUTE)
    expect({ decision: part.decision, given: part.given }).toEqual({ decision: undefined, given: [] })
    await part.run(2 * MINUTE)
    expect({ decision: part.decision, given: part.given }).toEqual({ decision: 'presumed', given: ['A1'] })
    expect(part.participant.homeless).toBe(1)
    const { asked } = part
    await part.run(10 * MINUTE)
    expect(part.asked).toBe(asked)
    // The home is back: what it had decided finishes the message, in whosever hand it is.
    await part.participant.apply({ tx: TX, home: 'home', decision: 'commit' }, COORDINATOR)
    expect({ decision: part.decision, finished: part.finished }).toEqual({
      decision: 'commit',
      finished: [1],
    })
  })

  test('is committed where a member has heard so', async () => {
    const part = await Part.of(1)
    await part.hears([1], undefined)
    part.heard = 'commit'
    await part.run(12 * MINUTE)
    expect({ decision: part.decision, finished: part.finished }).toEqual({
      decision: 'commit',
      finished: [1],
    })
    expect(part.participant.homeless).toBe(0)
  })

  test('one question at a time is under way, and each ends', async () => {
    const part = await Part.of(1)
    await part.hears([1], undefined)
    let open = 0
    let most = 0
    part.answer = () => {
      most = Math.max(most, ++open)
      return new Promise(() => {})
    }
    await part.run(MINUTE)
    expect(part.asked).toBeGreaterThan(2)
    expect(part.asked).toBeLessThan(8)
    await part.run(11 * MINUTE)
    expect(part.decision).toBe('presumed')
    expect(most).toBe(open)
  })

  test('a home that answers though it knows nothing yet is waited for', async () => {
    const part = await Part.of(1)
    await part.hears([1], undefined)
    part.answer = async () => undefined
    await part.run(15 * MINUTE)
    expect(part.decision).toBeUndefined()
    expect(part.participant.homeless).toBe(0)
  })

  test('a home that has begun anew asks the others before it presumes', async () => {
    const part = await Part.of(1)
    part.heard = 'commit'
    const row = { tx: TX, coordinator: COORDINATOR }
    expect(await part.participant.outcome(row)).toBeUndefined()
    await part.sim.run(61 * SECOND)
    expect(await part.participant.outcome(row)).toBe('commit')
  })
})

test('QUE43 QUE31 any member says what it has heard of a decision, and refuses what is no question', async () => {
  let tx = ''
  const room = await QueueRoom.open(
    3,
    1,
    {},
    {
      room: (sound) =>
        withRequest(sound, (to, method, body, send) => {
          if (method === 'queue.apply') tx = (body as { tx: string }).tx
          return send(to, method, body)
        }),
    },
  )
  const tabOf = (index: number) => room.tabs[index] as MessagingTab
  const names = ['left', 'middle', 'right']
  const work = (names: readonly string[]) =>
    tabOf(0).messaging.transaction((all) => {
      for (const name of names) all.queue(name).send('paid')
    })
  await room.settle(work(names))
  await room.sim.run(5 * SECOND)
  const coordinator = tabOf(0).tab.peerId
  const ask = (from: number, to: number, body: unknown) =>
    room.settle(
      tabOf(from).room.request(tabOf(to).tab.peerId, 'queue.heard', body as never, { timeoutMs: SECOND }),
    )
  const answers = [await ask(1, 0, { tx, coordinator }), await ask(0, 1, { tx, coordinator })]
  answers.push(await ask(0, 2, { tx, coordinator }))
  expect(answers).toContain('commit')
  expect(await ask(0, 1, { tx, coordinator: tabOf(1).tab.peerId })).toBeNull()
  for (const body of [
    null,
    1,
    {},
    { tx: '' },
    { tx, coordinator: '__proto__' },
    { tx: Number.NaN, coordinator },
  ])
    expect((await failureOf(ask(0, 1, body))).code).toBe('malformed')
})
