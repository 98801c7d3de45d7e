import { expect, test } from 'vitest'
import { deriveRoom, type RoomKeys } from '../../../web/mesh/index.ts'
import { Places } from '../../../web/messaging/places.ts'
import { createSimulation, type Simulation } from '../../support/sim/index.ts'
import { type MessagingTab, openMessagingTab } from '../../support/sim/messaging-tab.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const TOPIC = 'chat.general'

class Talk {
  readonly tabs: MessagingTab[] = []
  readonly said: string[] = []
  readonly sim: Simulation
  readonly #keys: RoomKeys

  constructor(sim: Simulation, keys: RoomKeys) {
    this.sim = sim
    this.#keys = keys
  }

  /** One tab for each clock, so many milliseconds off. */
  static async of(...clocks: number[]): Promise<Talk> {
    const sim = createSimulation(5)
    const talk = new Talk(sim, await deriveRoom(sim.tab(0).crypto, new Uint8Array(32).fill(3)))
    for (const [index, byMs] of clocks.entries()) {
      sim.tab(index).clock.wallOffset = byMs
      await talk.join(index)
    }
    return talk
  }

  async join(index: number): Promise<void> {
    this.tabs[index] = await this.sim.settle(openMessagingTab(this.sim.tab(index), this.#keys))
    const all = this.tabs.filter(Boolean)
    const isTogether = () => all.every((tab) => tab.room.members().length === all.length)
    await this.sim.runUntil(isTogether, 20_000, 'all are together')
    await this.sim.run(200)
  }

  async reload(index: number): Promise<void> {
    this.tabs[index]?.tab.kill()
    this.sim.tab(index).restart()
    await this.join(index)
  }

  /** Said once everybody has seen all that was said before. */
  async say(index: number, text = `${this.said.length}`): Promise<void> {
    this.said.push(text)
    await this.sim.settle(this.#publish(index, text))
    await this.sim.runUntil(
      () => this.shown().every((one) => one.includes(text)),
      20_000,
      `${text} is everywhere`,
    )
    await this.sim.run(1_000)
  }

  #publish(index: number, text: string): Promise<unknown> {
    return (this.tabs[index] as MessagingTab).messaging.topic(TOPIC).publish(text, { level: 'stored' })
  }

  async sayAtOnce(texts: readonly string[]): Promise<void> {
    await this.sim.settle(Promise.all(texts.map((text, index) => this.#publish(index, text))))
    const isEverywhere = () => this.shown().every((one) => texts.every((text) => one.includes(text)))
    await this.sim.runUntil(isEverywhere, 20_000, 'they are everywhere')
  }

  /** What each device shows, from the top. */
  shown(): string[][] {
    return this.tabs.map(({ messaging }) => messaging.history.entries(TOPIC).map(({ body }) => String(body)))
  }

  times(index: number): number[] {
    return (this.tabs[index] as MessagingTab).messaging.history.entries(TOPIC).map(({ sentAt }) => sentAt)
  }
}

test.each([
  ['right clocks', [0, 0, 0]],
  ['one two hours behind', [0, -2 * HOUR, 0]],
  ['one a day ahead', [0, DAY, 0]],
  ['one behind and one ahead', [DAY, 0, -2 * HOUR]],
  ['a few milliseconds', [3, -40, 0]],
])('MSG10 a talk stands in its order on every device: %s', async (_, clocks) => {
  const talk = await Talk.of(...clocks)
  for (let n = 0; n < 12; n++) await talk.say((n * 7) % 3)
  for (const shown of talk.shown()) expect(shown).toEqual(talk.said)
  await talk.reload(1)
  await talk.say(1)
  await talk.say(0)
  for (const shown of talk.shown()) expect(shown).toEqual(talk.said)
})

test('MSG10 what is said at once stands in one order on every device, whatever their clocks', async () => {
  const talk = await Talk.of(DAY, 0, -2 * HOUR)
  for (let n = 0; n < 10; n++) await talk.sayAtOnce([0, 1, 2].map((index) => `${n}.${index}`))
  const [first, ...others] = talk.shown()
  expect(first).toHaveLength(30)
  for (const shown of others) expect(shown).toEqual(first)
})

test('MSG10 a newcomer that has seen nothing stands behind what is there', async () => {
  const talk = await Talk.of(DAY, 0)
  for (let n = 0; n < 4; n++) await talk.say(n % 2)
  talk.tabs[0]?.tab.kill()
  talk.tabs.shift()
  await talk.sim.run(20_000)
  const keys = await deriveRoom(talk.sim.tab(2).crypto, new Uint8Array(32).fill(3))
  talk.tabs.push(await talk.sim.settle(openMessagingTab(talk.sim.tab(2), keys)))
  await talk.sim.runUntil(
    () => talk.tabs.every((tab) => tab.room.members().length === 2),
    20_000,
    'they meet',
  )
  await talk.sim.run(500)
  await talk.say(1, 'hello')
  expect(talk.shown()[0]).toEqual([...talk.said])
})

test('MSG10 a clock that is set back or forward in between changes no order', async () => {
  const talk = await Talk.of(0, 0)
  await talk.say(0)
  talk.sim.tab(0).setWall(5 * HOUR)
  await talk.say(0)
  talk.sim.tab(0).setWall(-9 * HOUR)
  await talk.say(0)
  await talk.say(1)
  for (const shown of talk.shown()) expect(shown).toEqual(talk.said)
})

test('MSG10 times are shown as senders say, those of the future as when they came', async () => {
  const talk = await Talk.of(0, DAY, -2 * HOUR)
  for (let n = 0; n < 6; n++) await talk.say(n % 3)
  const now = talk.sim.tab(0).clock.wall()
  const shown = talk.times(0)
  expect(shown.every((at) => at <= now + 5 * 60_000)).toBe(true)
  expect([0, 3].every((at) => Math.abs((shown[at] as number) - now) < 60_000)).toBe(true)
  expect([2, 5].every((at) => Math.abs((shown[at] as number) - now + 2 * HOUR) < 60_000)).toBe(true)
})

test('MSG10 a peer that claims a place beyond two days pulls nobody', async () => {
  const talk = await Talk.of(0, 0, 10 * 365 * DAY)
  for (let n = 0; n < 3; n++) await talk.say(n)
  await talk.say(0)
  await talk.say(1)
  expect(talk.shown()[0]).toEqual(talk.said)
  expect(talk.shown()[1]).toEqual(talk.said)
  const now = talk.sim.tab(0).clock.wall()
  const places = talk.tabs[0]?.messaging.history.entries(TOPIC).map(({ place = 0 }) => place) ?? []
  expect(places.every((place) => Math.abs(place - now) < 60_000)).toBe(true)
})

test('MSG10 a place is a whole number, whatever times others send', () => {
  const places = new Places({ now: () => 0, wall: () => 1_000, after: () => () => undefined }, 999.5)
  for (const odd of [5_000.5, Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 53]) {
    expect(places.isBelieved(odd)).toBe(false)
    places.see(odd)
  }
  expect(places.next()).toBe(1_000)
  places.see(5_000)
  expect(places.next()).toBe(5_001)
})
