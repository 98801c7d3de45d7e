import { type Clock, every, Listeners, type PeerId } from '../../base/index.ts'
import {
  isFinal,
  keepTelling,
  type Member,
  type OtherSession,
  OtherSessions,
  type Room,
  type Tale,
} from '../../mesh/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import type { Calls } from './calls.ts'
import {
  CHANNEL_AWAKE,
  type Fact,
  factsToWire,
  MAX_FACTS,
  METHOD_FACTS,
  readFacts,
  type Facts as Said,
} from './messages.ts'

const REQUEST_MS = 5_000
/** Who has not said anything about queues for so long does not know them. */
const EXPECT_MS = 5_000
/** Queues of which one member may speak, those that it keeps no longer too. */
const MAX_NAMES = 8 * MAX_FACTS
/** How often one that owns queues says that it is awake. */
export const AWAKE_MS = 1_000
/** An owner of whom nothing was heard for so long is asleep: hidden and throttled, frozen, or stopped. */
export const ASLEEP_MS = 4_000

/** What one member's session said. */
interface Heard {
  readonly sessionId: string
  readonly facts: Map<string, Fact>
  /** By queue, of what was said last of it; of those that it keeps no longer too. */
  readonly versions: Map<string, number>
  at: number
}

interface Told extends OtherSession {
  readonly since: number
  isAll: boolean
  readonly changed: Set<string>
  readonly news: Listeners<[]>
}

/**
 * Who keeps and who owns which queue, as the members say it. Every change is told to every member, everything to one that
 * is new. A member that does not answer knows no queues (an older build) and is given none.
 */
export class Facts {
  readonly #room: Room
  readonly #calls: Calls
  readonly #clock: Clock
  readonly #onChange: (queues: ReadonlySet<string> | 'all') => void
  readonly #onAsleep: () => void
  readonly #own = new Map<string, Fact>()
  #version = 1
  readonly #heard = new Map<PeerId, Heard>()
  readonly #told: OtherSessions<Told>
  readonly #stops: (() => void)[]
  #lastBeat: number
  #sleeps = 0

  constructor(
    room: Room,
    calls: Calls,
    clock: Clock,
    onChange: (queues: ReadonlySet<string> | 'all') => void,
    onAsleep: () => void,
  ) {
    this.#room = room
    this.#calls = calls
    this.#clock = clock
    this.#onChange = onChange
    this.#onAsleep = onAsleep
    this.#lastBeat = clock.now()
    this.#told = new OtherSessions<Told>(
      room,
      (session) => ({
        ...session,
        since: clock.now(),
        isAll: true,
        changed: new Set(),
        news: new Listeners(),
      }),
      (told) => void this.#keepTelling(told),
    )
    calls.serve(METHOD_FACTS, (body, { from }) => this.#onFacts(body, from))
    calls.onNotify(CHANNEL_AWAKE, (_body, from) => this.#onAwake(from))
    this.#stops = [room.onMembership(() => this.#onMembership()), every(clock, AWAKE_MS, () => this.#beat())]
  }

  /** Called once everything listens. */
  start(): void {
    this.#onMembership()
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.#told.close()
  }

  set(fact: Fact): void {
    this.#own.set(fact.queue, fact)
    this.#changed(fact.queue)
  }

  remove(queue: string): void {
    if (this.#own.delete(queue)) this.#changed(queue)
  }

  own(queue: string): Fact | undefined {
    return this.#own.get(queue)
  }

  /** What present members and this node say of a queue. An owner that is asleep is none. */
  of(queue: string): readonly (readonly [PeerId, Fact])[] {
    const found: (readonly [PeerId, Fact])[] = []
    // Who has slept itself knows nothing of the others' sleep.
    const awakeSince = this.isLate ? Number.NEGATIVE_INFINITY : this.#clock.now() - ASLEEP_MS
    const own = this.#own.get(queue)
    if (own) found.push([this.#calls.self, own])
    for (const [peer, { facts, at }] of this.#heard) {
      const fact = facts.get(queue)
      if (fact && !(fact.isActive && at < awakeSince)) found.push([peer, fact])
    }
    return found
  }

  queues(): readonly string[] {
    const names = new Set(this.#own.keys())
    for (const { facts } of this.#heard.values()) for (const queue of facts.keys()) names.add(queue)
    return [...names].sort()
  }

  /** Members that know queues, this node included, in the order of their ids. */
  speakers(): readonly Member[] {
    return this.#room
      .members()
      .filter(({ isSelf, peerId, sessionId }) => isSelf || this.#heard.get(peerId)?.sessionId === sessionId)
  }

  /** Somebody has just come and may still say that it knows queues. */
  get isExpecting(): boolean {
    const now = this.#clock.now()
    return [...this.#told].some(
      ({ peerId, sessionId, since }) =>
        now - since < EXPECT_MS && this.#heard.get(peerId)?.sessionId !== sessionId,
    )
  }

  /** How often this node has slept, a sleep that it has just woken from included. */
  get sleeps(): number {
    return this.#sleeps + (this.isLate ? 1 : 0)
  }

  /** This node itself has slept: others may own by now what it owned. */
  get isLate(): boolean {
    return this.#clock.now() - this.#lastBeat > ASLEEP_MS
  }

  #changed(queue: string): void {
    this.#version++
    for (const { changed, news } of this.#told) {
      changed.add(queue)
      news.emit()
    }
    this.#onChange(new Set([queue]))
  }

  #onMembership(): void {
    const present = new Map(this.#room.members().map((member) => [member.peerId, member.sessionId]))
    present.delete(this.#calls.self)
    for (const [peer, { sessionId }] of this.#heard)
      if (present.get(peer) !== sessionId) this.#heard.delete(peer)
    this.#told.follow()
    this.#onChange('all')
  }

  #keepTelling(told: Told): Promise<void> {
    return keepTelling({
      clock: this.#clock,
      signal: told.signal,
      news: told.news,
      tell: () => (told.isAll || told.changed.size > 0 ? this.#tell(told) : undefined),
    })
  }

  #tell(told: Told): Tale {
    if (told.isAll) for (const queue of this.#own.keys()) told.changed.add(queue)
    const queues = [...told.changed].slice(0, MAX_FACTS)
    const isAll = told.isAll && queues.length === told.changed.size
    for (const queue of queues) told.changed.delete(queue)
    const options = { timeoutMs: REQUEST_MS, signal: told.signal }
    return {
      answer: this.#calls.request(told.peerId, METHOD_FACTS, this.#wireOf(queues, isAll), options),
      heard: (answer) => {
        if (told.isAll) this.#hear(answer, told.peerId)
        told.isAll = false
      },
      failed: (error) => {
        // Gone, slow, or an older build: it is asked again while it is a member. What it cannot read it is not told again.
        if (isFinal(error)) told.isAll = false
        else for (const queue of queues) told.changed.add(queue)
      },
    }
  }

  #wireOf(queues: readonly string[], isAll: boolean): Value {
    const facts = queues.flatMap((queue) => this.#own.get(queue) ?? [])
    const gone = queues.filter((queue) => !this.#own.has(queue))
    return factsToWire({ version: this.#version, isAll, facts, gone })
  }

  /** Answered with everything that fits; the rest is told in its own time. */
  #onFacts(body: unknown, from: PeerId): Value {
    if (!readFacts(body)) throw new MessagingError('malformed', 'these are no facts of queues')
    if (!this.#hear(body, from)) throw new MessagingError('queue-full', 'this member cannot hear them now')
    return this.#wireOf([...this.#own.keys()].slice(0, MAX_FACTS), this.#own.size <= MAX_FACTS)
  }

  /** What is told and what is answered may come by different ways, and so out of order. */
  #hear(body: unknown, from: PeerId): boolean {
    const said = readFacts(body)
    const member = this.#room.member(from)
    if (!said || !member) return false
    const known = this.#heard.get(from)
    const isNew = known?.sessionId !== member.sessionId
    const heard = isNew || !known ? newlyHeard(member.sessionId) : known
    if (heard.facts.size > MAX_NAMES) return false
    this.#heard.set(from, heard)
    heard.at = this.#clock.now()
    const changed = apply(heard, said)
    this.#onChange(isNew ? 'all' : changed)
    return true
  }

  #onAwake(from: PeerId): void {
    const heard = this.#heard.get(from)
    if (heard) heard.at = this.#clock.now()
  }

  #beat(): void {
    const now = this.#clock.now()
    if (this.isLate) {
      this.#sleeps++
      this.#onAsleep()
      for (const heard of this.#heard.values()) heard.at = now
    }
    this.#lastBeat = now
    const isOwner = [...this.#own.values()].some(({ isActive }) => isActive)
    for (const { peerId } of isOwner ? this.#told : []) {
      this.#calls.notify(peerId, CHANNEL_AWAKE, null).catch(() => {
        // It left.
      })
    }
    this.#lookForSleepers()
  }

  #lookForSleepers(): void {
    const now = this.#clock.now()
    const queues = new Set<string>()
    for (const { facts, at } of this.#heard.values()) {
      if (now - at > ASLEEP_MS)
        for (const { queue, isActive } of facts.values()) if (isActive) queues.add(queue)
    }
    if (queues.size > 0) this.#onChange(queues)
  }
}

function newlyHeard(sessionId: string): Heard {
  return { sessionId, facts: new Map(), versions: new Map(), at: 0 }
}

/** Gives the queues of which this was news. */
function apply({ facts, versions }: Heard, said: Said): ReadonlySet<string> {
  const news = new Map<string, Fact | undefined>()
  if (said.isAll) for (const queue of facts.keys()) news.set(queue, undefined)
  for (const queue of said.gone) news.set(queue, undefined)
  for (const fact of said.facts) news.set(fact.queue, fact)
  for (const [queue, fact] of [...news]) {
    if ((versions.get(queue) ?? 0) > said.version) {
      news.delete(queue)
      continue
    }
    versions.set(queue, said.version)
    if (fact) facts.set(queue, fact)
    else facts.delete(queue)
  }
  if (versions.size > MAX_NAMES)
    for (const queue of versions.keys()) if (!facts.has(queue)) versions.delete(queue)
  return new Set(news.keys())
}
