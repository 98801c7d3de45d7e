import { Intervals, type PeerId } from '../../base/index.ts'
import type { Store } from '../../storage/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import { headersWeight } from '../item.ts'
import { fromRest, toRest } from './ages.ts'
import type { Calls } from './calls.ts'
import type { OutboxDraft } from './draft.ts'
import { compareEpochs, type Epoch } from './epoch.ts'
import type { Facts } from './facts.ts'
import type { Live, Source } from './live.ts'
import {
  type Head,
  MAX_RUNS,
  MAX_TOKENS,
  METHOD_COPY,
  METHOD_DROP,
  METHOD_FETCH,
  METHOD_RETIRE,
  METHOD_SUMMARY,
  readAllStamps,
  readAttempts,
  readHead,
  readIds,
  readQueueItems,
  readSources,
  readTransactions,
  sourceToWire,
} from './messages.ts'
import { MAX_PAGE_ITEMS, PAGE_BYTES } from './page.ts'
import { itemToWire, type QueueItem } from './queue-item.ts'
import { attemptsToWire, finishersOf, summaryOf } from './reconcile.ts'
import { Replica } from './replica.ts'
import { conflictOf, type QueueSettings, readPartialSettings, readSettings } from './settings.ts'
import type { Stamps } from './stamp.ts'
import { txToWire, withAge } from './tx-state.ts'

/** Owners of queues that this device does not keep: of more, the one heard from first is forgotten. */
const MAX_FENCES = 1_000
/** Deleted queues of which this device remembers what is finished; of more, that of the one deleted first is forgotten. */
const MAX_RETIRED = 1_000
/** How far a reign may be ahead of the last that is known here. */
const MAX_EPOCH_JUMP = 2 ** 20

interface FollowerPorts {
  readonly calls: Calls
  readonly store: Store
  readonly replicas: Map<string, Replica>
  readonly facts: Facts
  /** The queue has another owner than before, whom this node obeys now; `isAnew`: one that had been deleted. */
  readonly onObeyed: (queue: string, isAnew: boolean) => void
  /** What this node has sent to the queue and nobody has confirmed yet. */
  readonly sendingOf: (queue: string, stream: string, number: number) => OutboxDraft | undefined
  /** An owner has sent them for this node's copy, and they are on this disk. */
  readonly onCopied: (queue: string, items: readonly QueueItem[]) => void
}

/** What this node does for the owners of queues: it keeps copies, says what it has, and obeys the newest reign only. */
export class Follower {
  readonly #ports: FollowerPorts
  /** Of queues of which nothing is kept here: the newest owner that was obeyed. */
  readonly #fences = new Map<string, Epoch>()

  constructor(ports: FollowerPorts) {
    this.#ports = ports
    const { calls } = ports
    calls.serve(METHOD_SUMMARY, (body, { from }) => this.#onSummary(body, from))
    calls.serve(METHOD_FETCH, (body, { from }) => this.#onFetch(body, from))
    calls.serve(METHOD_COPY, (body, { from }) => this.#onCopy(body, from))
    calls.serve(METHOD_DROP, (body, { from }) => this.#onDrop(body, from))
    calls.serve(METHOD_RETIRE, (body, { from }) => this.#onRetire(body, from))
  }

  /** The number of the newest reign that was obeyed here; 0: of none. */
  newestNumber(queue: string): number {
    return Math.max(this.#ports.replicas.get(queue)?.epoch.number ?? 0, this.#fences.get(queue)?.number ?? 0)
  }

  /** A queue of which nobody speaks any more has been deleted: its next owner counts anew. */
  unfence(queue: string): void {
    this.#fences.delete(queue)
  }

  /** Kept for what is finished only; nobody is told of it. */
  isRetired(queue: string): boolean {
    return this.#ports.replicas.has(queue) && this.#ports.facts.own(queue) === undefined
  }

  /** Nobody uses the queue any more: nothing of it is told, what is finished is remembered. Only under the reign that is obeyed. */
  async retire(queue: string, epoch: Epoch): Promise<void> {
    const { replicas } = this.#ports
    const replica = replicas.get(queue)
    if (!replica || compareEpochs(replica.epoch, epoch) !== 0) return
    // The one that was deleted last is the last to be forgotten.
    replicas.delete(queue)
    replicas.set(queue, replica)
    this.#ports.facts.remove(queue)
    await replica.retire()
    const retired = [...replicas.keys()].filter((name) => this.isRetired(name))
    const oldest = retired.length > MAX_RETIRED ? retired[0] : undefined
    if (oldest === undefined) return
    const forgotten = replicas.get(oldest)
    replicas.delete(oldest)
    await forgotten?.drop()
  }

  async #onRetire(body: unknown, from: PeerId): Promise<Value> {
    const { queue, epoch } = await this.#obey(body, from)
    if ((this.#ports.replicas.get(queue)?.count ?? 0) > 0)
      throw new MessagingError('queue-full', 'this member keeps messages of the queue')
    await this.retire(queue, epoch)
    return null
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
    const replica = this.#ports.replicas.get(queue)
    // A deleted queue that begins anew counts its reigns as who begins it knows them.
    const isRetired = this.isRetired(queue)
    const known = isRetired ? undefined : (replica?.epoch ?? this.#fences.get(queue))
    const order = known ? compareEpochs(known, epoch) : -1
    if (order > 0) throw new MessagingError('stale-epoch', 'this member obeys a newer owner of this queue')
    if (order === 0) return head
    if (epoch.number - (known?.number ?? 0) > MAX_EPOCH_JUMP)
      throw new MessagingError('malformed', 'this owner comes from too far in the future')
    if (!replica) this.#fence(queue, epoch)
    else {
      replica.epoch = epoch
      this.#ports.onObeyed(queue, isRetired)
      await replica.adopt(epoch)
      // What the former owner was about to write counts as well.
      await replica.add([])
      this.#ports.facts.set({ queue, epoch, isActive: false })
    }
    return head
  }

  #fence(queue: string, epoch: Epoch): void {
    this.#fences.delete(queue)
    this.#fences.set(queue, epoch)
    const oldest = this.#fences.size > MAX_FENCES ? this.#fences.keys().next().value : undefined
    if (oldest !== undefined) this.#fences.delete(oldest)
  }

  async #onSummary(body: unknown, from: PeerId): Promise<Value> {
    const { queue } = await this.#obey(body, from)
    const { calls, replicas } = this.#ports
    const replica = replicas.get(queue)
    if (!replica) return { sources: [], settings: null, dedup: [], tx: [] }
    const settings = replica.settings ? { ...replica.settings } : null
    return {
      sources: summaryOf(replica).map(sourceToWire),
      finishers: finishersOf(replica).map(sourceToWire),
      attempts: replica
        .attempted()
        .slice(0, MAX_TOKENS)
        .map((live) => attemptsToWire(live, calls.clock.wall())),
      settings,
      explicit: { ...replica.explicit },
      dedup: replica.dedup.all(),
      tx: replica.transactions.all().map((state) => txToWire(withAge(state, calls.clock.wall()))),
    }
  }

  async #onFetch(body: unknown, from: PeerId): Promise<Value> {
    const { queue, row } = await this.#obey(body, from)
    const numbers = Intervals.read(row['numbers'], MAX_RUNS)
    const source = this.#ports.replicas
      .get(queue)
      ?.sources.get(`${String(row['from'])}/${String(row['stream'])}`)
    const items: Value[] = []
    const attempts: Value[] = []
    const wall = this.#ports.calls.clock.wall()
    let bytes = 0
    for (const live of source && numbers ? livesOf(source, numbers) : []) {
      const item = await this.#ports.replicas.get(queue)?.itemOf(live)
      if (!item) continue
      items.push(itemToWire(toRest(item, wall)))
      if (live.attempts > 0) attempts.push(attemptsToWire(live, wall))
      bytes += live.size + headersWeight(live.headers)
      if (bytes > PAGE_BYTES || items.length >= MAX_PAGE_ITEMS) break
    }
    return { items, attempts }
  }

  async #onCopy(body: unknown, from: PeerId): Promise<Value> {
    const { queue, epoch, row } = await this.#obey(body, from)
    const isFirst = row['settings'] !== null
    const settings = isFirst ? readSettings(row['settings']) : this.#ports.replicas.get(queue)?.settings
    const items = readQueueItems(row['items'])
    const stamps = readAllStamps(row['own'])
    const done = readSources(row['done'])
    const attempts = readAttempts(row['attempts'])
    const dedupIds = readIds(row['dedup'])
    const transactions = readTransactions(row['tx'])
    if (!isFirst && !settings) throw new MessagingError('gone', 'this member keeps no copy of the queue')
    if (!settings || !items || !stamps || !done || !attempts || !dedupIds || !transactions)
      throw new MessagingError('malformed', 'this is no copy of a queue')
    const replica = await this.#kept(
      queue,
      epoch,
      settings,
      isFirst ? (readPartialSettings(row['explicit']) ?? {}) : undefined,
    )
    const wall = this.#ports.calls.clock.wall()
    for (const state of transactions) await replica.noteTx(withAge(state, wall))
    for (const state of done) {
      const source = replica.source(state.from, state.stream)
      replica.finish(source, state.done, state.by)
      source.high = Math.max(source.high, state.high)
    }
    // A copy: the bodies' bytes are views on the frame that they came in.
    const kept = items.map((item) => ({ ...fromRest(item, wall), body: item.body.slice() }))
    kept.push(...stamps.flatMap((one) => this.#ownItems(queue, one, wall)))
    await Promise.all([replica.add(kept), replica.rememberIds(dedupIds), replica.settled()])
    this.#ports.onCopied(queue, kept)
    replica.hearAttempts(attempts, wall)
    await replica.settled()
    return null
  }

  /** Throws a MessagingError `gone`: the owner brings all that is missing here then. */
  #ownItems(queue: string, { stream, stamps }: Stamps, wall: number): QueueItem[] {
    const from = this.#ports.calls.self
    return stamps.map((stamp) => {
      const sending = this.#ports.sendingOf(queue, stream, stamp.number)
      if (!sending) throw new MessagingError('gone', 'this member no longer has what it sent')
      return { ...sending, ...fromRest(stamp, wall), from, stream }
    })
  }

  async #kept(
    queue: string,
    epoch: Epoch,
    settings: QueueSettings,
    explicit: Partial<QueueSettings> | undefined,
  ): Promise<Replica> {
    const { store, replicas } = this.#ports
    const known = replicas.get(queue)
    if (known?.settings && conflictOf(known.settings, settings) === undefined) return known
    const replica = known ?? new Replica(queue, store, epoch)
    replicas.set(queue, replica)
    replica.settings = settings
    replica.explicit = explicit ?? replica.explicit
    await replica.adopt(epoch)
    this.#ports.facts.set({ queue, epoch, isActive: false })
    return replica
  }

  async #onDrop(body: unknown, from: PeerId): Promise<Value> {
    const { queue, epoch } = await this.#obey(body, from)
    const replica = this.#ports.replicas.get(queue)
    if (!replica || from === this.#ports.calls.self) return null
    this.#ports.replicas.delete(queue)
    this.#fence(queue, epoch)
    this.#ports.facts.remove(queue)
    await replica.drop()
    return null
  }
}

function* livesOf(source: Source, numbers: Intervals): Generator<Live, void, undefined> {
  for (const [number, live] of source.live) if (numbers.has(number)) yield live
}
