import { type Clock, Intervals, isCount, type PeerId, TabmeshError, Turns } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import type { Selector } from '../selector/index.ts'
import type { Calls } from './calls.ts'
import type { KeptBySender } from './copy-log.ts'
import type { Epoch } from './epoch.ts'
import type { Live, Source } from './live.ts'
import { CHANNEL_STORED, headToWire, readDrafts } from './messages.ts'
import { type Draft, isNumber, type QueueItem } from './queue-item.ts'
import type { Replica } from './replica.ts'
import type { Replication } from './replication.ts'
import type { QueueSettings } from './settings.ts'
import { draftSubject, selectorOf } from './subject.ts'

/** How long a sender waits at a full queue before it asks again. */
const ROOM_WAIT_MS = 4_000
/** A batch waits so long for the one before it: a small one may overtake a large one on its way. */
const OVERTAKEN_MS = 2_000
/** Refusals that are told again to a sender whose answer got lost; of more the oldest is forgotten. */
const MAX_REFUSALS = 10_000

interface IntakePorts {
  readonly calls: Calls
  readonly clock: Clock
  readonly replication: Replication
  /** They may be given out now. */
  readonly onAdded: (lives: readonly Live[]) => void
  /** Makes room for one more. */
  readonly dropOldest: () => void
}

/** The way into a queue at its owner: what is new, fits, and has room is written here and to the copies. */
export class Intake {
  readonly #replica: Replica
  readonly #settings: QueueSettings
  readonly #epoch: Epoch
  readonly #ports: IntakePorts
  readonly #filter: Selector | undefined
  /** One batch of a stream at a time: a later one must not overtake. */
  readonly #turns = new Turns<string>()
  /** Duplicate ids of messages that are being written. */
  readonly #admitting = new Set<string>()
  /** Why numbers were refused, by stream and number. */
  readonly #refusals = new Map<string, string>()
  #waiting: (() => void)[] = []
  #overtaking: (() => void)[] = []
  #isClosed = false
  /** Messages that were taken in. */
  added = 0

  constructor(replica: Replica, settings: QueueSettings, epoch: Epoch, ports: IntakePorts) {
    this.#replica = replica
    this.#settings = settings
    this.#epoch = epoch
    this.#ports = ports
    this.#filter = selectorOf(settings.filter)
  }

  get isIdle(): boolean {
    return this.#turns.isIdle
  }

  /** Whoever waits for room hears that there is none here. */
  close(): void {
    this.#isClosed = true
    this.wake()
    this.#wakeOvertaking()
  }

  async put(row: Readonly<Record<string, unknown>>, from: PeerId): Promise<Value> {
    const { stream, base } = row
    const drafts = readDrafts(row['items'])
    if (!drafts || typeof stream !== 'string' || !isNumber(base))
      throw new MessagingError('malformed', 'these are no messages for a queue')
    const source = this.#replica.source(from, stream)
    const refused: [number, string][] = []
    await this.#inOrder(source, (drafts[0] as Draft).number, base)
    const wanted = isCount(row['copies']) ? row['copies'] : Number.POSITIVE_INFINITY
    // It keeps what it sends until all copies are there.
    const isSending = row['keepsOwn'] === true && wanted >= this.#settings.copies
    const onDisk = row['isKept'] === true && drafts.every(isOneOfMany)
    const kept = isSending ? (onDisk ? 'on-disk' : 'in-memory') : 'nowhere'
    const before = source.high
    const mark = await this.#turns.run(source.key, () => this.#takeIn(source, base, drafts, refused, kept))
    this.#wakeOvertaking()
    const { replication } = this.#ports
    const isNew = before < (drafts[0] as Draft).number && mark >= (drafts.at(-1) as Draft).number
    if (isSending && isNew && refused.length === 0 && replication.isOnlyOther(from))
      return { mark, copies: 1, refused, isComing: true }
    if (row['wantsStored'] === true && refused.length === 0) this.#tellStored(source, mark)
    const copies = await replication.reached(replication.seq, wanted)
    return { mark, copies, refused, isComing: false }
  }

  /** Something was finished: there may be room. */
  wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Resolves when everything before `first` is here, or will not be for now: the sender sends again then. */
  async #inOrder(source: Source, first: number, base: number): Promise<void> {
    const { clock } = this.#ports
    const until = clock.now() + OVERTAKEN_MS
    const isEarly = () => first > Math.max(source.high, base - 1) + 1
    for (let left = OVERTAKEN_MS; isEarly() && left > 0 && !this.#isClosed; left = until - clock.now()) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(left, resolve)
        this.#overtaking.push(() => {
          cancel()
          resolve()
        })
      })
    }
  }

  #wakeOvertaking(): void {
    for (const wake of this.#overtaking.splice(0)) wake()
  }

  async #takeIn(
    source: Source,
    base: number,
    drafts: readonly Draft[],
    refused: [number, string][],
    kept: KeptBySender,
  ): Promise<number> {
    // What the sender no longer has was safe once, and is here or was lost with all who had it.
    source.high = Math.max(source.high, base - 1)
    for (const { number } of drafts) {
      const code = this.#refusals.size > 0 ? this.#refusals.get(`${source.key}/${number}`) : undefined
      if (code !== undefined) refused.push([number, code])
    }
    const fresh = drafts.filter((draft) => draft.number > source.high)
    if (fresh.length === 0 || (fresh[0] as Draft).number !== source.high + 1) return source.high
    if (this.#settings.whenFull === 'block' && this.#isFull(0, 0)) await this.#roomMade()
    if (this.#isClosed) throw new MessagingError('not-owner', 'this member does not own the queue any more')
    const { taken, last } = this.#admit(fresh, source, refused)
    if (last === undefined) return source.high
    const items = taken.map((draft) => this.#stamp(source, draft))
    // The copies are written while this disk writes.
    const copySeq = items.length > 0 ? this.#ports.replication.logItems(items, kept) : 0
    const lives = await this.#keep(items, refused)
    for (const live of lives) live.copySeq = copySeq
    source.high = Math.max(source.high, last)
    this.added += lives.length
    this.#voidNumbers(source, refused)
    this.#ports.onAdded(lives)
    return source.high
  }

  /** On this disk; what it has no room for is refused to its sender. */
  async #keep(items: readonly QueueItem[], refused: [number, string][]): Promise<readonly Live[]> {
    try {
      return await this.#replica.add(items)
    } catch (error) {
      if (!(error instanceof TabmeshError) || error.code !== 'quota') throw error
      for (const { number } of items) refused.push([number, 'quota'])
      return []
    } finally {
      for (const { tags } of items) if (tags.dedupId !== undefined) this.#admitting.delete(tags.dedupId)
    }
  }

  /** What there is room for, and the last number that is decided; those that follow stay with their sender for now. */
  #admit(
    drafts: readonly Draft[],
    { from, stream }: Source,
    refused: [number, string][],
  ): { readonly taken: readonly Draft[]; readonly last: number | undefined } {
    const { whenFull } = this.#settings
    const taken: Draft[] = []
    let bytes = 0
    let last: number | undefined
    for (const draft of drafts) {
      const { dedupId, tx } = draft.tags
      const isFull = this.#isFull(taken.length, bytes + draft.body.byteLength)
      // Not even an empty queue has room for it: waiting does not help, and what is behind it must not wait.
      const isTooLarge = draft.body.byteLength > this.#settings.maxBytes
      if (isFull && whenFull === 'block' && !isTooLarge) break
      last = draft.number
      if (isTooLarge) refused.push([draft.number, 'too-large'])
      else if (
        this.#filter &&
        !this.#filter.matches(draftSubject(draft, from, stream, this.#replica.queue))
      ) {
        refused.push([draft.number, 'filtered'])
      } else if (
        dedupId !== undefined &&
        (this.#replica.dedup.has(dedupId) || this.#admitting.has(dedupId))
      ) {
        refused.push([draft.number, 'duplicate'])
      } else if (
        (isFull && whenFull === 'fail') ||
        (tx !== undefined && !this.#replica.transactions.hasRoom)
      ) {
        refused.push([draft.number, 'queue-full'])
      } else {
        if (isFull) this.#ports.dropOldest()
        if (dedupId !== undefined) this.#admitting.add(dedupId)
        bytes += draft.body.byteLength
        taken.push(draft)
      }
    }
    return { taken, last }
  }

  #isFull(messages: number, bytes: number): boolean {
    const { maxMessages, maxBytes } = this.#settings
    return this.#replica.count + messages >= maxMessages || this.#replica.bytes + bytes > maxBytes
  }

  /** Resolves when something was finished, or after a while: the sender asks again. */
  #roomMade(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#ports.clock.after(ROOM_WAIT_MS, done)
      function done() {
        cancel()
        resolve()
      }
      this.#waiting.push(done)
    })
  }

  #stamp(source: Source, draft: Draft): QueueItem {
    const { number, priority, sentAt, ttlMs, delayMs, body, headers, tags } = draft
    const wall = this.#ports.clock.wall()
    const order = ++this.#replica.maxOrder
    const expiresAt = ttlMs > 0 ? wall + ttlMs : 0
    const deliverAt = delayMs > 0 ? wall + delayMs : 0
    // A copy: the body's bytes are a view on the frame that they came in.
    const own = body.slice()
    const { from, stream } = source
    return { from, stream, number, order, priority, sentAt, expiresAt, deliverAt, body: own, headers, tags }
  }

  /** Numbers that will never be messages, and why. */
  #voidNumbers(source: Source, refused: readonly (readonly [number, string])[]): void {
    if (refused.length === 0) return
    const numbers = new Intervals()
    for (const [number, code] of refused) {
      numbers.add(number)
      this.#refusals.set(`${source.key}/${number}`, code)
    }
    for (const key of this.#refusals.keys()) {
      if (this.#refusals.size <= MAX_REFUSALS) break
      this.#refusals.delete(key)
    }
    this.#replica.finish(source, numbers)
    this.#ports.replication.logDone(source, numbers)
  }

  #tellStored(source: Source, mark: number): void {
    // Who has it in its outbox and is to keep the other copy has that copy already.
    const isEnough = this.#ports.replication.isOnlyOther(source.from)
    const body = { ...headToWire(this.#replica.queue, this.#epoch), stream: source.stream, mark, isEnough }
    this.#ports.calls.notify(source.from, CHANNEL_STORED, body).catch(() => {
      // The answer to its request says it too.
    })
  }
}

/** No copy is asked about it before it has it: not whether its `dedupId` is known, not how its transaction ended. */
function isOneOfMany({ tags: { dedupId, tx } }: Draft): boolean {
  return dedupId === undefined && tx === undefined
}
