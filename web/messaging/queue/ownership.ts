import { type Clock, every, type PeerId, type Random, sleep } from '../../base/index.ts'
import { type Member, place, RemoteError, type Room } from '../../mesh/index.ts'
import type { Store } from '../../storage/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import { isTopicName } from '../pattern.ts'
import type { Calls } from './calls.ts'
import { compareEpochs, type Epoch, epochToWire } from './epoch.ts'
import { Facts } from './facts.ts'
import { Intervals } from './intervals.ts'
import { MAX_RUNS } from './load-replicas.ts'
import {
  type Fact,
  type Head,
  headToWire,
  isRow,
  METHOD_COPY,
  METHOD_DROP,
  METHOD_FETCH,
  METHOD_OPEN,
  METHOD_RETIRE,
  METHOD_SUMMARY,
  readAttempts,
  readHead,
  readIds,
  readQueueItems,
  readSources,
  readTransactions,
  sourceToWire,
} from './messages.ts'
import { Owner, type OwnerPorts } from './owner.ts'
import { itemToWire } from './queue-item.ts'
import { mergeFrom, type Summary, summaryOf } from './reconcile.ts'
import { type Live, MAX_PAGE_ITEMS, PAGE_BYTES, Replica, type Source } from './replica.ts'
import {
  checkSettings,
  conflictOf,
  DEFAULT_SETTINGS,
  type QueueSettings,
  readPartialSettings,
  readSettings,
} from './settings.ts'
import { txToWire } from './tx-state.ts'

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
/** Deleted queues of which this device remembers what is finished; of more, that of the one deleted first is forgotten. */
const MAX_RETIRED = 1_000
/** How far a reign may be ahead of the last that is known here. */
const MAX_EPOCH_JUMP = 2 ** 20

export interface OwnershipOptions {
  readonly room: Room
  readonly calls: Calls
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly replicas: Map<string, Replica>
  readonly forward: OwnerPorts['forward']
  readonly askOutcome: OwnerPorts['askOutcome']
  /** It waits for messages though nobody may use it now. */
  readonly isBound: (queue: string) => boolean
  /** What the room has configured for a queue. */
  readonly settingsOf: (queue: string) => Partial<QueueSettings>
}

/** Where a queue's owner is. */
export interface Reign {
  readonly owner: PeerId
  readonly epoch: Epoch
}

/** Which member owns which queue; and this node's part in it: owning, keeping copies, stepping down. */
export class Ownership {
  readonly #options: OwnershipOptions
  readonly #facts: Facts
  readonly #owners = new Map<string, Owner>()
  readonly #takeovers = new Map<string, Promise<void>>()
  readonly #absorbing = new Set<string>()
  readonly #retiring = new Set<string>()
  /** Since when nobody owns a queue that is kept here. */
  readonly #vacant = new Map<string, number>()
  /** Of queues of which nothing is kept here: the newest owner that was obeyed. */
  readonly #fences = new Map<string, Epoch>()
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
    calls.serve(METHOD_OPEN, (body) => this.#onOpen(body))
    calls.serve(METHOD_SUMMARY, (body, { from }) => this.#onSummary(body, from))
    calls.serve(METHOD_FETCH, (body, { from }) => this.#onFetch(body, from))
    calls.serve(METHOD_COPY, (body, { from }) => this.#onCopy(body, from))
    calls.serve(METHOD_DROP, (body, { from }) => this.#onDrop(body, from))
    calls.serve(METHOD_RETIRE, (body, { from }) => this.#onRetire(body, from))
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

  /** This node's own reign, unless it has slept. Throws a MessagingError `not-owner`. */
  owner(queue: string): Owner {
    const owner = this.#facts.isLate ? undefined : this.#owners.get(queue)
    if (!owner) throw new MessagingError('not-owner', 'this member does not own the queue')
    return owner
  }

  isMine(queue: string): boolean {
    return this.#owners.has(queue)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Sees to it that somebody owns the queue, with these settings. Rejects with a MessagingError `settings-conflict` when it
   * has others, or `signal.reason`; goes on trying otherwise.
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
        const code = (error as { code?: unknown }).code
        if (code === 'settings-conflict' || code === 'bad-option')
          throw new MessagingError(code, error instanceof Error ? error.message : String(error))
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
      // A queue of which nobody speaks any more has been deleted: its next owner counts anew.
      if (this.#facts.of(queue).length === 0) this.#fences.delete(queue)
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
    if (this.#isRetired(queue)) {
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
    const { store, replicas, calls, clock, random, forward, askOutcome, room } = this.#options
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
    const kept = this.#options.replicas.get(queue)?.epoch.number ?? 0
    return Math.max(kept, this.#fences.get(queue)?.number ?? 0, ...numbers)
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

  /** Kept for what is finished only; nobody is told of it. */
  #isRetired(queue: string): boolean {
    return this.#options.replicas.has(queue) && this.#facts.own(queue) === undefined
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
      await this.#forgetUse(queue, owner.epoch)
    } catch {
      // The disk or a copy failed: what could not be told is looked at again, by whoever owns the queue then.
    } finally {
      this.#retiring.delete(queue)
    }
  }

  async #onRetire(body: unknown, from: PeerId): Promise<Value> {
    const { queue, epoch } = await this.#obey(body, from)
    if ((this.#options.replicas.get(queue)?.count ?? 0) > 0)
      throw new MessagingError('queue-full', 'this member keeps messages of the queue')
    await this.#forgetUse(queue, epoch)
    return null
  }

  async #forgetUse(queue: string, epoch: Epoch): Promise<void> {
    const { replicas } = this.#options
    const replica = replicas.get(queue)
    if (!replica || compareEpochs(replica.epoch, epoch) !== 0 || this.#owners.has(queue)) return
    // The one that was deleted last is the last to be forgotten.
    replicas.delete(queue)
    replicas.set(queue, replica)
    this.#facts.remove(queue)
    this.#vacant.delete(queue)
    await replica.retire()
    const retired = [...replicas.keys()].filter((name) => this.#isRetired(name))
    const oldest = retired.length > MAX_RETIRED ? retired[0] : undefined
    if (oldest === undefined) return
    const forgotten = replicas.get(oldest)
    replicas.delete(oldest)
    await forgotten?.drop()
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
    const queue = isRow(body) ? body['queue'] : undefined
    const given = isRow(body) ? body['wanted'] : undefined
    if (!isTopicName(queue) || !isRow(given)) throw new MessagingError('malformed', 'this opens no queue')
    const wanted = checkSettings(given as Partial<QueueSettings>)
    if (!this.#owners.has(queue)) await this.#found(queue, wanted)
    const owner = this.owner(queue)
    const conflict = conflictOf(owner.settings, wanted)
    if (conflict === undefined) return { epoch: epochToWire(owner.epoch) }
    throw settingsConflict(queue, conflict, owner.settings[conflict], wanted[conflict])
  }

  async #found(queue: string, wanted: Partial<QueueSettings>): Promise<void> {
    if (this.reignOf(queue) || this.#founder(queue) !== this.#options.calls.self)
      throw new MessagingError('not-owner', 'another member is the one to own this queue')
    if (this.#facts.ownCount >= MAX_QUEUES && !this.#facts.own(queue))
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

  /** The head of a message from an owner, if there is no newer one; from then on it is the one that is obeyed. */
  async #obey(
    body: unknown,
    from: PeerId,
  ): Promise<Head & { readonly row: Readonly<Record<string, unknown>> }> {
    const head = readHead(body)
    if (!head || head.epoch.owner !== from)
      throw new MessagingError('malformed', 'this is no owner of a queue')
    const { queue, epoch } = head
    const replica = this.#options.replicas.get(queue)
    // A deleted queue that begins anew counts its reigns as who begins it knows them.
    const isRetired = this.#isRetired(queue)
    const known = isRetired ? undefined : (replica?.epoch ?? this.#fences.get(queue))
    const order = known ? compareEpochs(known, epoch) : -1
    if (order > 0) throw new MessagingError('stale-epoch', 'this member obeys a newer owner of this queue')
    if (order === 0) return head
    if (epoch.number - (known?.number ?? 0) > MAX_EPOCH_JUMP)
      throw new MessagingError('malformed', 'this owner comes from too far in the future')
    if (!replica) this.#fence(queue, epoch)
    else {
      // Its owner is only just beginning: nobody has to step in.
      if (isRetired) this.#vacant.set(queue, this.#options.clock.now() + RANK_MS)
      replica.epoch = epoch
      this.#stepDown(queue)
      await replica.adopt(epoch)
      // What the former owner was about to write counts as well.
      await replica.add([])
      this.#facts.set({ queue, epoch, isActive: false })
    }
    return head
  }

  /** A newcomer that is still alone, or that keeps the queue, waits for those who may own it. */
  #isQuiet(queue: string): boolean {
    if (this.#options.clock.now() >= this.#quietUntil) return this.#facts.isLate
    return this.#options.replicas.has(queue) || this.#facts.speakers().length === 1
  }

  #fence(queue: string, epoch: Epoch): void {
    this.#fences.delete(queue)
    this.#fences.set(queue, epoch)
    const oldest = this.#fences.size > MAX_QUEUES ? this.#fences.keys().next().value : undefined
    if (oldest !== undefined) this.#fences.delete(oldest)
  }

  async #onSummary(body: unknown, from: PeerId): Promise<Value> {
    const { queue } = await this.#obey(body, from)
    const replica = this.#options.replicas.get(queue)
    if (!replica) return { sources: [], settings: null, dedup: [], tx: [] }
    const settings = replica.settings ? { ...replica.settings } : null
    return {
      sources: summaryOf(replica).map(sourceToWire),
      settings,
      explicit: { ...replica.explicit },
      dedup: replica.dedup.all(),
      tx: replica.transactions.all().map(txToWire),
    }
  }

  async #onFetch(body: unknown, from: PeerId): Promise<Value> {
    const { queue, row } = await this.#obey(body, from)
    const numbers = Intervals.read(row['numbers'], MAX_RUNS)
    const source = this.#options.replicas
      .get(queue)
      ?.sources.get(`${String(row['from'])}/${String(row['stream'])}`)
    const items: Value[] = []
    const attempts: Value[] = []
    let bytes = 0
    for (const live of source && numbers ? livesOf(source, numbers) : []) {
      const item = (await this.#options.replicas.get(queue)?.items(live.page))?.[live.at]
      if (!item) continue
      items.push(itemToWire({ ...item, order: live.order }))
      if (live.attempts > 0) attempts.push([live.source.from, live.source.stream, live.number, live.attempts])
      bytes += live.size
      if (bytes > PAGE_BYTES || items.length >= MAX_PAGE_ITEMS) break
    }
    return { items, attempts }
  }

  async #onCopy(body: unknown, from: PeerId): Promise<Value> {
    const { queue, epoch, row } = await this.#obey(body, from)
    const isFirst = row['settings'] !== null
    const settings = isFirst ? readSettings(row['settings']) : this.#options.replicas.get(queue)?.settings
    const items = readQueueItems(row['items'])
    const done = readSources(row['done'])
    const attempts = readAttempts(row['attempts'])
    const dedupIds = readIds(row['dedup'])
    const transactions = readTransactions(row['tx'])
    if (!settings || !items || !done || !attempts || !dedupIds || !transactions)
      throw new MessagingError('malformed', 'this is no copy of a queue')
    const replica = await this.#kept(
      queue,
      epoch,
      settings,
      isFirst ? (readPartialSettings(row['explicit']) ?? {}) : undefined,
    )
    for (const state of transactions) await replica.noteTx(state)
    for (const state of done) {
      const source = replica.source(state.from, state.stream)
      replica.finish(source, state.done)
      source.high = Math.max(source.high, state.high)
    }
    // A copy: the bodies' bytes are views on the frame that they came in.
    const kept = items.map((item) => ({ ...item, body: item.body.slice() }))
    await Promise.all([replica.add(kept), replica.rememberIds(dedupIds), replica.settled()])
    for (const [sender, stream, number, count] of attempts) {
      const live = replica.find(sender, stream, number)
      if (live && live.attempts < count) replica.setAttempts(live, count)
    }
    await replica.settled()
    return null
  }

  async #kept(
    queue: string,
    epoch: Epoch,
    settings: QueueSettings,
    explicit: Partial<QueueSettings> | undefined,
  ): Promise<Replica> {
    const { store, replicas } = this.#options
    const known = replicas.get(queue)
    if (known?.settings && conflictOf(known.settings, settings) === undefined) return known
    const replica = known ?? new Replica(queue, store, epoch)
    replicas.set(queue, replica)
    replica.settings = settings
    replica.explicit = explicit ?? replica.explicit
    await replica.adopt(epoch)
    this.#facts.set({ queue, epoch, isActive: false })
    return replica
  }

  async #onDrop(body: unknown, from: PeerId): Promise<Value> {
    const { queue, epoch } = await this.#obey(body, from)
    const replica = this.#options.replicas.get(queue)
    if (!replica || from === this.#options.calls.self) return null
    this.#options.replicas.delete(queue)
    this.#fence(queue, epoch)
    this.#facts.remove(queue)
    await replica.drop()
    return null
  }
}

function settingsConflict(queue: string, name: string, has: unknown, wanted: unknown): MessagingError {
  return new MessagingError('settings-conflict', `${queue} has ${name} ${String(has)}, not ${String(wanted)}`)
}

function newestOf(facts: readonly (readonly [PeerId, Fact])[]): Epoch | undefined {
  let newest: Epoch | undefined
  for (const [, { epoch }] of facts) if (!newest || compareEpochs(epoch, newest) > 0) newest = epoch
  return newest
}

function* livesOf(source: Source, numbers: Intervals): Generator<Live, void, undefined> {
  for (const [number, live] of source.live) if (numbers.has(number)) yield live
}
