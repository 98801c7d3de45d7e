import { type Clock, every, isRecord, type PeerId, type Random, sleep } from '../../base/index.ts'
import { isFinal, type Member, place, RemoteError, type Room } from '../../mesh/index.ts'
import type { Store } from '../../storage/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError, refusalOf } from '../errors.ts'
import { isTopicName } from '../pattern.ts'
import type { Calls } from './calls.ts'
import type { OutboxDraft } from './draft.ts'
import { compareEpochs, type Epoch, epochToWire, type Reign } from './epoch.ts'
import { Facts } from './facts.ts'
import { Follower } from './follower.ts'
import { type Fact, headToWire, METHOD_DROP, METHOD_OPEN, METHOD_RETIRE } from './messages.ts'
import { Owner, type OwnerPorts } from './owner.ts'
import type { QueueItem } from './queue-item.ts'
import { mergeFrom, type Summary } from './reconcile.ts'
import { Replica } from './replica.ts'
import { checkSettings, conflictOf, DEFAULT_SETTINGS, type QueueSettings } from './settings.ts'

/** At its start a node waits so long for those who may own what it keeps. */
const START_MS = 1_500
/** And so long after it has slept: to one that wakes, the others seem to be gone. */
const WAKE_MS = 10_000
/** Between those who could take over: the next steps in when the one before does not. */
const RANK_MS = 4_000
const LOOK_MS = 2_000
const OPEN_MS = 10_000
const OPEN_RETRY_MS = 500
const DISMISS_RETRY_MS = 5_000
/** Queues that a room may have. */
export const MAX_QUEUES = 1_000

export interface OwnershipOptions {
  readonly room: Room
  readonly calls: Calls
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly replicas: Map<string, Replica>
  readonly forward: OwnerPorts['forward']
  readonly askOutcome: OwnerPorts['askOutcome']
  readonly askRoom: OwnerPorts['askRoom']
  /** It waits for messages though nobody may use it now. */
  readonly isBound: (queue: string) => boolean
  /** What the room has configured for a queue. */
  readonly settingsOf: (queue: string) => Partial<QueueSettings>
  /** What this node has sent to the queue and nobody has confirmed yet. */
  readonly sendingOf: (queue: string, stream: string, number: number) => OutboxDraft | undefined
  /** An owner has sent them for this node's copy, and they are on this disk. */
  readonly onCopied: (queue: string, items: readonly QueueItem[]) => void
}

/** Which member owns which queue; and this node's part in it: owning, keeping copies, stepping down. */
export class Ownership {
  readonly #options: OwnershipOptions
  readonly #facts: Facts
  readonly #follower: Follower
  readonly #owners = new Map<string, Owner>()
  readonly #takeovers = new Map<string, Promise<void>>()
  readonly #absorbing = new Set<string>()
  readonly #retiring = new Set<string>()
  /** Since when nobody owns a queue that is kept here. */
  readonly #vacant = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  readonly #stops: (() => void)[]
  readonly #controller = new AbortController()
  /** Until then this node takes over nothing that it keeps: it may not have heard yet who owns it. */
  #quietUntil: number

  constructor(options: OwnershipOptions) {
    this.#options = options
    const { room, calls, clock } = options
    this.#quietUntil = clock.now() + START_MS
    this.#facts = new Facts(
      room,
      calls,
      clock,
      (queues) => this.#onFacts(queues),
      () => this.#onAsleep(),
    )
    const { store, replicas, sendingOf, onCopied } = options
    this.#follower = new Follower({
      ...{ calls, store, replicas, facts: this.#facts, sendingOf, onCopied },
      onObeyed: (queue, isAnew) => this.#onObeyed(queue, isAnew),
    })
    calls.serve(METHOD_OPEN, (body) => this.#onOpen(body))
    this.#stops = [
      room.onMembership(({ gone }) => this.#onGone(gone.map(({ member }) => member.peerId))),
      every(clock, LOOK_MS, () => this.#lookAtAll()),
    ]
    for (const { queue, epoch, settings, count } of options.replicas.values())
      if (settings || count > 0) this.#facts.set({ queue, epoch, isActive: false })
    this.#facts.start()
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.#controller.abort(new MessagingError('closed', 'this node has ended'))
    this.#facts.close()
    for (const owner of this.#owners.values()) owner.close()
    this.#owners.clear()
  }

  /** Who owns and owned queues that somebody keeps, as far as this node has heard. */
  reignOf(queue: string): Reign | undefined {
    let best: Reign | undefined
    for (const [owner, { epoch, isActive }] of this.#facts.of(queue)) {
      if (isActive && (!best || compareEpochs(epoch, best.epoch) > 0)) best = { owner, epoch }
    }
    return best
  }

  /** How often this node has slept: after each, what it was given may be another's. */
  get sleeps(): number {
    return this.#facts.sleeps
  }

  /** This node's own reign, unless it has slept. Throws a MessagingError `not-owner`. */
  owner(queue: string): Owner {
    const owner = this.#facts.isLate ? undefined : this.#owners.get(queue)
    if (!owner) throw new MessagingError('not-owner', 'this member does not own the queue')
    return owner
  }

  /** What is sent to the queue now comes to this device's disk, as its owner's or as a copy. */
  isKeptHere(queue: string): boolean {
    if (this.#owners.has(queue)) return true
    const replica = this.#options.replicas.get(queue)
    const reign = this.reignOf(queue)
    return !!replica?.settings && !!reign && compareEpochs(replica.epoch, reign.epoch) === 0
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Sees to it that somebody owns the queue, with these settings. Rejects with a MessagingError `settings-conflict` when it
   * has others, `queue-full` when the room has no room for one more, what else its owner refuses for good, or
   * `signal.reason`; goes on trying otherwise.
   */
  async open(queue: string, wanted: Partial<QueueSettings>, signal: AbortSignal): Promise<Reign> {
    for (;;) {
      signal.throwIfAborted()
      const to = this.reignOf(queue)?.owner ?? this.#founder(queue)
      try {
        await this.#options.calls.request(
          to,
          METHOD_OPEN,
          { queue, wanted: { ...wanted } },
          { timeoutMs: OPEN_MS, signal },
        )
        const reign = this.reignOf(queue)
        if (reign) return reign
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (isFinal(error) || (error as { code?: unknown }).code === 'queue-full') throw refusalOf(error)
      }
      await this.change(OPEN_RETRY_MS, signal)
    }
  }

  /** Every queue that somebody here keeps, in the order of their names. */
  queues(): readonly string[] {
    return this.#facts.queues()
  }

  /** The room has configured something: what this node owns begins anew where it means a change. */
  reconfigure(): void {
    for (const [queue, owner] of [...this.#owners]) {
      const explicit = this.#options.replicas.get(queue)?.explicit ?? {}
      const settings = { ...DEFAULT_SETTINGS, ...this.#options.settingsOf(queue), ...explicit }
      if (conflictOf(owner.settings, settings) !== undefined) this.#renew(queue)
    }
  }

  /** Resolves at the next change of who owns what, or after `ms`; rejects with `signal.reason`. */
  change(ms: number, signal: AbortSignal): Promise<void> {
    const controller = new AbortController()
    const stop = this.onChange(() => controller.abort())
    return sleep(this.#options.clock, ms, AbortSignal.any([signal, controller.signal]))
      .catch(() => signal.throwIfAborted())
      .finally(stop)
  }

  /** Who begins a queue that nobody keeps, or takes over one whose owner is gone. */
  #founder(queue: string): PeerId {
    return this.#successors(queue)[0] ?? this.#placed(queue, 1)[0] ?? this.#options.calls.self
  }

  #placed(queue: string, count: number): PeerId[] {
    const speakers = this.#facts.speakers()
    const willing = speakers.filter(({ capacity }) => capacity > 0)
    const members = willing.length > 0 ? willing : speakers.map((member) => ({ ...member, capacity: 1 }))
    return place(`queue/${queue}`, members, count)
  }

  /** Those who keep a queue, who should take over first: its last owner, then those that obey the newest, then by placement. */
  #successors(queue: string): PeerId[] {
    const facts = this.#facts.of(queue)
    const newest = newestOf(facts)
    if (!newest) return []
    const placed = this.#placed(queue, this.#facts.speakers().length)
    const rank = (peer: PeerId) =>
      peer === newest.owner ? -1 : (placed.indexOf(peer) + placed.length + 1) % (placed.length + 1)
    return [...facts]
      .sort(([a, factA], [b, factB]) => compareEpochs(factB.epoch, factA.epoch) || rank(a) - rank(b))
      .sort(([a], [b]) => Number(b === newest.owner) - Number(a === newest.owner))
      .map(([peer]) => peer)
  }

  #onFacts(queues: ReadonlySet<string> | 'all'): void {
    const names = queues === 'all' ? [...this.#options.replicas.keys()] : [...queues]
    for (const queue of names) {
      if (this.#facts.of(queue).length === 0) this.#follower.unfence(queue)
      this.#look(queue)
    }
    for (const listener of [...this.#listeners]) listener()
  }

  #lookAtAll(): void {
    for (const queue of this.#options.replicas.keys()) this.#look(queue)
  }

  /** What this node has to do about a queue, by what is known now. */
  #look(queue: string): void {
    if (this.#controller.signal.aborted || this.#facts.isLate) return
    const mine = this.#owners.get(queue)
    const reign = this.reignOf(queue)
    if (mine) {
      const newest = newestOf(this.#facts.of(queue))
      if (reign && compareEpochs(reign.epoch, mine.epoch) > 0) this.#stepDown(queue)
      else if (newest && compareEpochs(newest, mine.epoch) > 0) this.#renew(queue)
      else this.#arrange(queue, mine)
      return
    }
    if (reign) this.#vacant.delete(queue)
    if (this.#follower.isRetired(queue)) {
      // The others went on with it while the room was split: they are to hear what was finished here.
      const { epoch } = this.#options.replicas.get(queue) as Replica
      if (reign && compareEpochs(reign.epoch, epoch) !== 0) this.#facts.set({ queue, epoch, isActive: false })
      return
    }
    if (reign || this.#takeovers.has(queue) || !this.#options.replicas.has(queue)) return
    const rank = this.#successors(queue).indexOf(this.#options.calls.self)
    const dueAt = Math.max(this.#quietUntil, this.#vacantSince(queue) + rank * RANK_MS)
    if (this.#options.clock.now() >= dueAt) void this.#takeOver(queue, {})
  }

  #vacantSince(queue: string): number {
    const known = this.#vacant.get(queue)
    if (known !== undefined) return known
    const now = this.#options.clock.now()
    this.#vacant.set(queue, now)
    return now
  }

  /** Resolves when this node owns the queue, or has found that another does. */
  #takeOver(queue: string, wanted: Partial<QueueSettings>): Promise<void> {
    const known = this.#takeovers.get(queue)
    if (known) return known
    const done = this.#conquer(queue, wanted)
      .catch(() => {
        // Another obeys a newer owner, or this disk failed: it is looked at again.
      })
      .finally(() => this.#takeovers.delete(queue))
    this.#takeovers.set(queue, done)
    return done
  }

  /** The new reign is on disk before anybody hears of it; all who are here are asked before anything is given out. */
  async #conquer(queue: string, wanted: Partial<QueueSettings>): Promise<void> {
    const { store, replicas, calls, clock, random, forward, askOutcome, askRoom, room } = this.#options
    const { signal } = this.#controller
    const epoch: Epoch = { number: this.#newestNumber(queue) + 1, owner: calls.self }
    const replica = replicas.get(queue) ?? new Replica(queue, store, epoch)
    replicas.set(queue, replica)
    // Another attempt may follow, which does not know who asked.
    if (!replica.settings) replica.explicit = { ...replica.explicit, ...wanted }
    await replica.adopt(epoch)
    this.#facts.set({ queue, epoch, isActive: false })
    const others = this.#facts.speakers().filter(({ isSelf }) => !isSelf)
    const summaries = await Promise.all(others.map(({ peerId }) => this.#ask(peerId, replica, epoch)))
    signal.throwIfAborted()
    if (compareEpochs(replica.epoch, epoch) !== 0) return
    const known = replica.settings ? replica.explicit : summaries.find((one) => one?.settings)?.explicit
    replica.explicit = known ?? replica.explicit
    replica.settings = { ...DEFAULT_SETTINGS, ...this.#options.settingsOf(queue), ...replica.explicit }
    await replica.adopt(epoch)
    const owner = new Owner(replica, replica.settings, epoch, {
      calls,
      clock,
      random,
      forward,
      askOutcome,
      askRoom,
      isHere: (peer) => room.member(peer) !== undefined,
      onFenced: () => this.#stepDown(queue),
      onUnused: () => void this.#retire(queue),
    })
    this.#owners.set(queue, owner)
    this.#facts.set({ queue, epoch, isActive: true })
    this.#arrange(queue, owner)
  }

  /** Takes over what a member has. One that does not answer in time is asleep: it is heard when it wakes. */
  async #ask(peer: PeerId, replica: Replica, epoch: Epoch): Promise<Summary | undefined> {
    const { calls } = this.#options
    try {
      const { summary } = await mergeFrom(peer, replica, epoch, calls, this.#controller.signal)
      return summary
    } catch (error) {
      if (error instanceof RemoteError && error.code === 'stale-epoch') throw error
      return undefined
    }
  }

  #newestNumber(queue: string): number {
    const numbers = this.#facts.of(queue).map(([, { epoch }]) => epoch.number)
    return Math.max(this.#follower.newestNumber(queue), ...numbers)
  }

  #onObeyed(queue: string, isAnew: boolean): void {
    // Its owner is only just beginning: nobody has to step in.
    if (isAnew) this.#vacant.set(queue, this.#options.clock.now() + RANK_MS)
    this.#stepDown(queue)
  }

  #stepDown(queue: string): void {
    const owner = this.#owners.get(queue)
    if (!owner) return
    owner.close()
    this.#owners.delete(queue)
    this.#vacant.delete(queue)
    const replica = this.#options.replicas.get(queue)
    if (replica) this.#facts.set({ queue, epoch: replica.epoch, isActive: false })
  }

  /**
   * Nobody uses the queue: it goes, with its settings. Everybody who keeps it remembers what is finished, so that a copy that was
   * away brings back nothing old. Who does not hear of it now makes it a queue again, for as long as it takes to be unused.
   */
  async #retire(queue: string): Promise<void> {
    const owner = this.#owners.get(queue)
    if (!owner || this.#retiring.has(queue) || this.#options.isBound(queue)) return
    this.#retiring.add(queue)
    try {
      await owner.safe()
      if (!owner.isUnused || this.#owners.get(queue) !== owner) return
      // From here on it takes nothing in, but is still the one whom the others obey.
      const { holders } = owner.replication
      owner.close()
      this.#owners.delete(queue)
      const head = headToWire(queue, owner.epoch)
      const options = { timeoutMs: OPEN_MS, signal: this.#controller.signal }
      await Promise.allSettled(
        holders.map((peer) => this.#options.calls.request(peer, METHOD_RETIRE, head, options)),
      )
      await this.#follower.retire(queue, owner.epoch)
      this.#vacant.delete(queue)
    } catch {
      // The disk or a copy failed: what could not be told is looked at again, by whoever owns the queue then.
    } finally {
      this.#retiring.delete(queue)
    }
  }

  /** A member has come back that obeyed a newer owner, who is gone: it will obey this one under a newer reign. */
  #renew(queue: string): void {
    this.#stepDown(queue)
    // It may be found out while the reign that is to be renewed is only just being announced.
    const before = this.#takeovers.get(queue) ?? Promise.resolve()
    void before.then(() => {
      if (!this.reignOf(queue)) void this.#takeOver(queue, {})
    })
  }

  /** This node has slept: what it owned may be another's by now, and it does not know yet. */
  #onAsleep(): void {
    this.#quietUntil = this.#options.clock.now() + WAKE_MS
    for (const queue of [...this.#owners.keys()]) this.#stepDown(queue)
  }

  #onGone(peers: readonly PeerId[]): void {
    for (const owner of this.#owners.values()) for (const peer of peers) owner.dropPeer(peer)
  }

  /** Who keeps the copies: those that do, as far as they are here, then others by placement; the rest is let go. */
  #arrange(queue: string, owner: Owner): void {
    const { self } = this.#options.calls
    const speakers = new Map(this.#facts.speakers().map((member) => [member.peerId, member]))
    speakers.delete(self)
    const keeping = this.#facts.of(queue).map(([peer]) => peer)
    const silent = owner.replication.silent
    const placed = this.#placed(queue, speakers.size + 1)
    const inOrder = [...owner.replication.holders, ...keeping, ...placed].filter((peer) => speakers.has(peer))
    const ranked = [...new Set([...inOrder.filter((peer) => !silent.has(peer)), ...inOrder])]
    const holders = ranked.slice(0, owner.settings.copies - 1)
    owner.replication.setHolders(
      holders.map((peer) => speakers.get(peer) as Member),
      !this.#facts.isExpecting,
    )
    for (const peer of keeping) {
      if (peer !== self && !holders.includes(peer) && speakers.has(peer))
        void this.#absorb(queue, owner, peer)
    }
  }

  /** Takes over what one has that is not to keep copies, and lets it forget them once they are safe elsewhere. */
  async #absorb(queue: string, owner: Owner, peer: PeerId): Promise<void> {
    const key = `${peer} ${queue}`
    if (this.#absorbing.has(key)) return
    this.#absorbing.add(key)
    const { calls, clock } = this.#options
    try {
      await owner.absorb(peer, this.#controller.signal)
      const head = headToWire(queue, owner.epoch)
      await calls.request(peer, METHOD_DROP, head, { timeoutMs: OPEN_MS, signal: this.#controller.signal })
      this.#absorbing.delete(key)
    } catch {
      // It left, or somebody else owns the queue now: looked at again after a while.
      clock.after(DISMISS_RETRY_MS, () => this.#absorbing.delete(key))
    }
  }

  async #onOpen(body: unknown): Promise<Value> {
    const queue = isRecord(body) ? body['queue'] : undefined
    const given = isRecord(body) ? body['wanted'] : undefined
    if (!isTopicName(queue) || !isRecord(given)) throw new MessagingError('malformed', 'this opens no queue')
    const wanted = checkSettings(given as Partial<QueueSettings>)
    if (!this.#owners.has(queue)) await this.#found(queue, wanted)
    await this.#agree(queue, this.owner(queue), wanted)
    return { epoch: epochToWire(this.owner(queue).epoch) }
  }

  /** What nobody has asked for, no user and not the room, yields to the first who does; the rest is a conflict. */
  async #agree(queue: string, owner: Owner, wanted: Partial<QueueSettings>): Promise<void> {
    const replica = this.#options.replicas.get(queue) as Replica
    const asked = { ...this.#options.settingsOf(queue), ...replica.explicit }
    const conflict = conflictOf({ ...owner.settings, ...wanted, ...asked }, wanted)
    if (conflict !== undefined) throw settingsConflict(queue, conflict, asked[conflict], wanted[conflict])
    if (Object.keys(wanted).every((name) => Object.hasOwn(replica.explicit, name))) return
    replica.explicit = { ...replica.explicit, ...wanted }
    await replica.adopt(replica.epoch)
    if (conflictOf(owner.settings, wanted) === undefined || this.#owners.get(queue) !== owner) return
    this.#stepDown(queue)
    await this.#takeOver(queue, {})
  }

  async #found(queue: string, wanted: Partial<QueueSettings>): Promise<void> {
    if (this.reignOf(queue) || this.#founder(queue) !== this.#options.calls.self)
      throw new MessagingError('not-owner', 'another member is the one to own this queue')
    if (!this.#hasRoomFor(queue))
      throw new MessagingError('queue-full', `a room has at most ${MAX_QUEUES} queues`)
    if (this.#isQuiet(queue))
      throw new MessagingError(
        'not-owner',
        'this member has just come or woken: it does not know yet who owns the queue',
      )
    const configured = this.#options.settingsOf(queue)
    const conflict = conflictOf({ ...wanted, ...configured } as QueueSettings, wanted)
    if (conflict !== undefined)
      throw settingsConflict(queue, conflict, configured[conflict], wanted[conflict])
    await this.#takeOver(queue, wanted)
  }

  /** Each queue may have its dead letters and its expired messages besides: where those go is never refused for want of room. */
  #hasRoomFor(queue: string): boolean {
    const known = this.queues()
    if (known.includes(queue)) return true
    if (isForLost(queue)) return known.length < 3 * MAX_QUEUES
    return known.filter((name) => !isForLost(name)).length < MAX_QUEUES
  }

  /** A newcomer that is still alone, or that keeps the queue, waits for those who may own it. */
  #isQuiet(queue: string): boolean {
    if (this.#options.clock.now() >= this.#quietUntil) return this.#facts.isLate
    return this.#options.replicas.has(queue) || this.#facts.speakers().length === 1
  }
}

function isForLost(queue: string): boolean {
  return queue.startsWith('DLQ.') || queue.startsWith('EXP.')
}

function settingsConflict(queue: string, name: string, has: unknown, wanted: unknown): MessagingError {
  return new MessagingError('settings-conflict', `${queue} has ${name} ${String(has)}, not ${String(wanted)}`)
}

function newestOf(facts: readonly (readonly [PeerId, Fact])[]): Epoch | undefined {
  let newest: Epoch | undefined
  for (const [, { epoch }] of facts) if (!newest || compareEpochs(epoch, newest) > 0) newest = epoch
  return newest
}
