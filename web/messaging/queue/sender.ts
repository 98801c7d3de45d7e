import {
  abortable,
  type Clock,
  isCount,
  type Random,
  randomToken,
  sleep,
  withTimeout,
} from '../../base/index.ts'
import { isFinal } from '../../mesh/index.ts'
import type { Store } from '../../storage/index.ts'
import { MessagingError, refusalOf } from '../errors.ts'
import { weightOf } from '../item.ts'
import type { Level, Wanted } from '../level.ts'
import { storeFailure } from '../store-failure.ts'
import type { Calls } from './calls.ts'
import type { OutboxDraft } from './draft.ts'
import { isSameReign, type Reign } from './epoch.ts'
import { headToWire, METHOD_PUT, type PutAnswer, readHead, readPutAnswer } from './messages.ts'
import { type Kept, type LoadedOutbox, type OutboxRecord, OutboxRecords } from './outbox-records.ts'
import type { Ownership } from './ownership.ts'
import { MAX_PAGE_ITEMS, PAGE_BYTES } from './page.ts'
import { type Draft, draftToWire } from './queue-item.ts'
import type { QueueSettings } from './settings.ts'

const PUT_MS = 20_000
const FIRST_RETRY_MS = 250
const MAX_RETRY_MS = 4_000
/** Batches of one queue that are under way at once. */
const MAX_UNDER_WAY = 4
/** What this device keeps as the owner of the queue, or as one of its copies, within this needs no record besides. */
const KEPT_HERE_MS = 250
const NO_SETTINGS: Partial<QueueSettings> = {}
/** What the owner has is asked for again when this device's copy has not come within this. */
const COPIED_MS = 5_000

export interface Sent {
  readonly number: number
  readonly stream: string
  readonly level: Level
  readonly copies: number
  /** The owner knows this `dedupId`: nothing was added. */
  readonly isDuplicate: boolean
}

interface Waiting extends Kept {
  readonly weight: number
  readonly level: Level
  readonly copies: number
  /** It has a record, or is about to. */
  isKept: boolean
  /** The owner has it, and this node's disk is all else that is to have it. */
  isEnough: boolean
  /** It has come back as this node's copy of the queue, and is on its disk as such. */
  isCopied: boolean
  resolve(sent: Sent): void
  reject(reason: unknown): void
}

interface SenderPorts {
  readonly calls: Calls
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly ownership: Ownership
}

/**
 * This node's way into one queue: numbered, kept on disk until the owner says that it is safe, sent in order. Disk and owner
 * are asked at the same time, so numbers are set aside on disk before they are used: after a crash none is used twice.
 */
export class Sender {
  readonly stream: string
  readonly #queue: string
  /** The same object until the user asks for more. */
  readonly #wanted: () => Partial<QueueSettings>
  readonly #ports: SenderPorts
  readonly #waiting: Waiting[] = []
  readonly #records: OutboxRecords
  /** On their way to an owner from which this device will have them. */
  readonly #unkept: Waiting[] = []
  readonly #signal: AbortSignal
  #next: number
  #bytes = 0
  #isRunning = false
  /** Of `#waiting`: how many are under way. */
  #underWay = 0
  /** Batches that no owner has answered yet. */
  #unanswered = 0
  /** So many go one by one: one of them is refused as it is, and the others must not go with it. */
  #singly = 0
  /** What the queue is known to be, under which reign: one that was deleted may have come back as another. */
  #checked: { readonly wanted: Partial<QueueSettings>; readonly reign: Reign } | undefined
  #copyWaits: (() => void)[] = []
  /** There may be something to send, or room to send it. */
  #onEvent: (() => void) | undefined

  constructor(
    queue: string,
    wanted: () => Partial<QueueSettings>,
    ports: SenderPorts,
    signal: AbortSignal,
    loaded?: LoadedOutbox,
  ) {
    this.#queue = queue
    this.#wanted = wanted
    this.#ports = ports
    this.#signal = signal
    this.stream = loaded?.stream ?? randomToken(ports.random)
    this.#next = loaded?.next ?? 1
    this.#records = new OutboxRecords(ports.store, queue, this.stream, this.#next)
    for (const { first, drafts } of loaded?.records ?? []) {
      const record: OutboxRecord = { first, left: drafts.length, isWritten: true }
      for (const { number, ...draft } of drafts) {
        const settle = { resolve: ignore, reject: ignore }
        this.#push({
          number,
          draft,
          weight: weightOf(draft),
          record,
          level: 'accepted',
          copies: 1,
          isKept: true,
          isSafe: false,
          isEnough: false,
          isCopied: false,
          ...settle,
        })
      }
    }
    const stop = ports.ownership.onChange(() => this.#wakeCopyWaits())
    signal.addEventListener('abort', stop, { once: true })
    if (this.#waiting.length > 0) this.#start()
  }

  get waiting(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#waiting.length, bytes: this.#bytes }
  }

  /** Rejects with a MessagingError `quota`, `store`, `queue-full`, `closed`, or `signal.reason`, which ends the wait only. */
  async send(draft: OutboxDraft, wanted: Wanted, signal: AbortSignal | undefined): Promise<Sent> {
    while (!this.#records.mayUse(this.#next)) await this.#records.reserve()
    if (this.#signal.aborted) throw new MessagingError('closed', 'this node has ended')
    const { level, copies = Number.POSITIVE_INFINITY } = wanted
    const sent = new Promise<Sent>((resolve, reject) => {
      const number = this.#next++
      const is = { isKept: false, isSafe: false, isEnough: false, isCopied: false }
      const wants = { level, copies, record: undefined, ...is }
      const waiting: Waiting = { number, draft, weight: weightOf(draft), ...wants, resolve, reject }
      const isAlone = this.#unanswered === 0 && this.#underWay === this.#waiting.length
      this.#push(waiting)
      if (level !== 'accepted' && this.#isBetterKeptAsCopy(isAlone)) this.#keepLater(waiting)
      else this.#keep(waiting)
      this.#start()
    })
    return abortable(sent, signal)
  }

  /**
   * What this device will have anyway, as owner or as copy, costs a record besides. One message alone pays for it: its record
   * is written while the owner writes, its copy is made later, with others.
   */
  #isBetterKeptAsCopy(isAlone: boolean): boolean {
    const { ownership, calls } = this.#ports
    const isOwner = ownership.reignOf(this.#queue)?.owner === calls.self
    return ownership.isKeptHere(this.#queue) && (isOwner || !isAlone)
  }

  /** Nobody waits any longer; what is not safe goes out in the next life, where it has a record by now. */
  close(): void {
    const reason = new MessagingError('closed', 'this node has ended')
    for (const { reject } of this.#waiting) reject(reason)
  }

  /** The owner has everything up to this number on disk; `isEnough`: with this node's disk that is on all that should have it. */
  stored(mark: number, isEnough: boolean): void {
    for (const waiting of this.#waiting) {
      if (waiting.number > mark) return
      const { level, copies } = waiting
      waiting.isEnough = isEnough && level === 'replicated'
      if (level === 'stored' || copies === 1) waiting.resolve(this.#sent(waiting, 'stored', 1))
      else this.#settleEarly(waiting)
    }
  }

  /** What waits here for the owner, by the number that it has in this stream. */
  sending(stream: string, number: number): OutboxDraft | undefined {
    if (stream !== this.stream) return undefined
    // Numbers ascend, mostly without gaps.
    const near = this.#waiting[number - (this.#waiting[0]?.number ?? 0)]
    if (near?.number === number) return near.draft
    return this.#waiting.find((one) => one.number === number)?.draft
  }

  /** These have come back as this node's copy, and are on its disk. */
  copied(numbers: ReadonlySet<number>): void {
    for (const waiting of this.#waiting) {
      if (!numbers.has(waiting.number)) continue
      waiting.isCopied = true
      this.#settleEarly(waiting)
    }
    this.#wakeCopyWaits()
  }

  #wakeCopyWaits(): void {
    for (const wake of this.#copyWaits.splice(0)) wake()
  }

  /** The answer says it too, once the owner has heard that the copy is written. */
  #settleEarly(waiting: Waiting): void {
    const isHere = waiting.isCopied || waiting.record?.isWritten === true
    if (waiting.isEnough && isHere) waiting.resolve(this.#sent(waiting, 'replicated', 2))
  }

  #keepLater(waiting: Waiting): void {
    if (this.#unkept.push(waiting) > 1) return
    this.#ports.clock.after(KEPT_HERE_MS, () => {
      for (const one of this.#unkept.splice(0)) if (!one.isSafe && !one.isCopied) this.#keep(one)
    })
  }

  #keep(waiting: Waiting): void {
    const { level, resolve } = waiting
    waiting.isKept = true
    this.#records.keep(waiting).then(
      () => {
        if (level === 'accepted') resolve(this.#sent(waiting, 'accepted', 1))
        else this.#settleEarly(waiting)
      },
      (error: unknown) => this.#onUnkept(waiting, error),
    )
  }

  /** This disk does not keep it: unless the owner has it already or is about to, it is not sent. */
  #onUnkept(waiting: Waiting, error: unknown): void {
    waiting.record = undefined
    waiting.isKept = false
    const at = this.#waiting.indexOf(waiting)
    if (at < this.#underWay) return
    this.#forget(new Set([waiting]))
    waiting.reject(storeFailure(error))
  }

  #push(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.#bytes += waiting.weight
    this.#onEvent?.()
  }

  #start(): void {
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    let retryMs = FIRST_RETRY_MS
    while (this.#waiting.length > 0 && !this.#signal.aborted) {
      try {
        const reign = await this.#reign()
        if (reign && (await this.#sendAll(reign, () => (retryMs = FIRST_RETRY_MS)))) continue
      } catch {
        if (this.#signal.aborted) break
      }
      // The owner has changed, or is slow: from the first that is not safe, to whoever owns it now.
      await sleep(this.#ports.clock, retryMs, this.#signal).catch(ignore)
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
    }
    this.#isRunning = false
  }

  /** Undefined where the queue cannot be had as it was meant: whoever waits is told. */
  async #reign(): Promise<Reign | undefined> {
    const { ownership } = this.#ports
    const wanted = this.#wanted()
    const known = ownership.reignOf(this.#queue)
    const isChecked = this.#checked?.wanted === wanted && isSameReign(this.#checked.reign, known)
    if (known && (isChecked || Object.keys(wanted).length === 0)) return known
    try {
      const reign = await ownership.open(this.#queue, wanted, this.#signal)
      this.#checked = { wanted, reign }
      return reign
    } catch (error) {
      this.#signal.throwIfAborted()
      // What was accepted before anybody could know is for the queue as it is.
      const isUsable = error instanceof MessagingError && error.code === 'settings-conflict'
      const isForGood = isFinal(error) && !isUsable
      this.#refuse((waiting) => isForGood || waiting.level !== 'accepted', error)
      if (!isUsable || this.#waiting.length === 0) return undefined
      return known ?? (await ownership.open(this.#queue, NO_SETTINGS, this.#signal))
    }
  }

  /** Sends until nothing waits; several batches are under way at once, the owner puts them in order. False: to be tried later. */
  async #sendAll(reign: Reign, onProgress: () => void): Promise<boolean> {
    this.#underWay = 0
    let batches = 0
    let failure: { readonly reason: unknown; readonly batch: readonly Waiting[] } | undefined
    while (batches > 0 || (this.#waiting.length > 0 && !failure)) {
      const batch = failure || this.#isBusy(batches) ? [] : this.#nextBatch()
      if (batch.length === 0) {
        if (batches === 0) return true
        await this.#nextEvent()
        continue
      }
      this.#underWay += batch.length
      batches++
      this.#put(reign, batch)
        .then(onProgress)
        .catch((reason: unknown) => {
          failure ??= { reason, batch }
        })
        .finally(() => {
          batches--
          this.#onEvent?.()
        })
      // What is sent in the same turn goes along.
      await Promise.resolve()
    }
    return !failure || this.#isTold(failure)
  }

  #isBusy(batches: number): boolean {
    return this.#unanswered >= MAX_UNDER_WAY || (this.#singly > 0 && batches > 0)
  }

  /** One that the owner will never take is told so, and holds up no other: found by sending them one by one. */
  #isTold({ reason, batch }: { readonly reason: unknown; readonly batch: readonly Waiting[] }): boolean {
    if (!isFinal(reason)) return false
    if (batch.length > 1) this.#singly = batch.length
    else this.#refuse((waiting) => batch.includes(waiting), reason)
    return true
  }

  #nextEvent(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEvent = resolve
    })
  }

  #nextBatch(): readonly Waiting[] {
    const batch: Waiting[] = []
    let bytes = 0
    const most = this.#singly > 0 ? 1 : MAX_PAGE_ITEMS
    for (let at = this.#underWay; at < this.#waiting.length && batch.length < most; at++) {
      const waiting = this.#waiting[at] as Waiting
      bytes += waiting.weight
      // One that this disk refused has left a gap: what follows goes once nothing before it is under way.
      const isNext = batch.length === 0 ? at === 0 || this.#follows(at) : this.#follows(at)
      if (!isNext || (batch.length > 0 && bytes > PAGE_BYTES)) break
      batch.push(waiting)
    }
    return batch
  }

  #follows(at: number): boolean {
    return at > 0 && (this.#waiting[at - 1] as Waiting).number + 1 === (this.#waiting[at] as Waiting).number
  }

  async #put(reign: Reign, batch: readonly Waiting[]): Promise<void> {
    let answer = await this.#ask(reign, batch)
    if (answer.isComing) {
      this.stored(answer.mark, true)
      // Of what it had before, the owner answers once every copy is there.
      answer = (await this.#hasArrived(reign, batch))
        ? { ...answer, copies: 2 }
        : await this.#ask(reign, batch)
    }
    this.#settle(batch, answer)
    this.#singly = Math.max(0, this.#singly - batch.length)
    if (answer.mark < (batch.at(-1) as Waiting).number)
      throw new MessagingError('not-owner', 'the owner has not taken all of it')
  }

  async #ask(reign: Reign, batch: readonly Waiting[]): Promise<PutAnswer> {
    const { calls, clock } = this.#ports
    const bytes = batch.reduce((sum, { weight }) => sum + weight, 0)
    const body = {
      ...headToWire(this.#queue, reign.epoch),
      stream: this.stream,
      base: (this.#waiting[0] as Waiting).number,
      items: batch.map(({ number, draft }) => draftToWire(remaining(number, draft, clock.wall()))),
      copies: mostCopies(batch),
      wantsStored: batch.some(({ level }) => level !== 'accepted'),
      keepsOwn: true,
      isKept: batch.every(({ isKept }) => isKept),
    }
    const options = { timeoutMs: PUT_MS, signal: this.#signal, bytes }
    this.#unanswered++
    try {
      const answer = readPutAnswer(await calls.request(reign.owner, METHOD_PUT, body, options))
      if (!answer) throw new MessagingError('malformed', 'the owner’s answer is none')
      return answer
    } finally {
      this.#unanswered--
      this.#onEvent?.()
    }
  }

  /** Resolves when this device's copy has them, has not got them in time, or will not get them from this owner. */
  async #hasArrived(reign: Reign, batch: readonly Waiting[]): Promise<boolean> {
    const { clock, ownership } = this.#ports
    const arrived = withTimeout(clock, 'the copy', COPIED_MS, this.#signal, async (signal) => {
      while (!batch.every(({ isCopied }) => isCopied)) {
        if (!isSameReign(ownership.reignOf(this.#queue), reign)) return false
        await this.#nextCopy(signal)
      }
      return true
    })
    return arrived.catch(() => {
      this.#signal.throwIfAborted()
      return false
    })
  }

  #nextCopy(signal: AbortSignal): Promise<void> {
    const next = new Promise<void>((resolve) => this.#copyWaits.push(resolve))
    return abortable(next, signal)
  }

  #settle(batch: readonly Waiting[], { mark, copies, refused }: PutAnswer): void {
    const codes = new Map(refused)
    const safe = new Set<Waiting>()
    for (const waiting of batch) {
      const code = codes.get(waiting.number)
      if (waiting.number > mark) continue
      safe.add(waiting)
      if (code === 'queue-full') waiting.reject(queueFull(this.#queue))
      else if (code === 'quota') waiting.reject(ownerFull(this.#queue))
      else if (code === 'too-large') waiting.reject(tooLarge(this.#queue))
      else if (code === 'filtered') waiting.resolve(this.#sent(waiting, 'stored', 0))
      else
        waiting.resolve({
          ...this.#sent(waiting, copies > 1 ? 'replicated' : 'stored', copies),
          isDuplicate: code === 'duplicate',
        })
    }
    this.#forget(safe)
  }

  /** These do not go out. What was accepted stays on this disk, for the next life to try. */
  #refuse(isMeant: (waiting: Waiting) => boolean, reason: unknown): void {
    const refused = new Set(this.#waiting.filter(isMeant))
    this.#singly = Math.max(0, this.#singly - refused.size)
    for (const { reject } of refused) reject(refusalOf(reason))
    this.#underWay = 0
    this.#forget(refused, ({ level }) => level === 'accepted')
  }

  #forget(safe: ReadonlySet<Waiting>, isKept: (waiting: Waiting) => boolean = () => false): void {
    let kept = 0
    const underWay = this.#underWay
    for (const [at, waiting] of this.#waiting.entries()) {
      if (!safe.has(waiting)) {
        this.#waiting[kept++] = waiting
        continue
      }
      if (at < underWay) this.#underWay--
      this.#bytes -= waiting.weight
      if (!isKept(waiting)) this.#records.release(waiting)
    }
    this.#waiting.length = kept
  }

  #sent({ number }: Waiting, level: Level, copies: number): Sent {
    return { number, stream: this.stream, level, copies, isDuplicate: false }
  }
}

/** Null: all that the queue keeps. */
function mostCopies(batch: readonly Waiting[]): number | null {
  const most = Math.max(...batch.map(({ copies }) => copies))
  return Number.isFinite(most) ? most : null
}

/** Who waited in the outbox has waited already. */
function remaining(number: number, draft: OutboxDraft, wall: number): Draft {
  const { expiresAt, deliverAt, priority, sentAt, body, headers, tags } = draft
  const ttlMs = expiresAt === 0 ? 0 : Math.max(1, expiresAt - wall)
  const delayMs = deliverAt === 0 ? 0 : Math.max(0, deliverAt - wall)
  return { number, priority, sentAt, ttlMs, delayMs, body, headers, tags }
}

function ownerFull(queue: string): MessagingError {
  const text = `The device that keeps ${queue} has no room left. Free some space there, then send it again.`
  return new MessagingError('quota', text)
}

function tooLarge(queue: string): MessagingError {
  return new MessagingError(
    'too-large',
    `This message is larger than all that ${queue} may hold (its maxBytes).`,
  )
}

function queueFull(queue: string): MessagingError {
  return new MessagingError('queue-full', `${queue} is full: it takes more when some of it was consumed.`)
}

function ignore(): void {}

/** The owner's notice that messages up to `mark` are on its disk. */
export function readStored(
  body: unknown,
): { queue: string; stream: unknown; mark: number; isEnough: boolean } | undefined {
  const head = readHead(body)
  if (!head || !isCount(head.row['mark'])) return undefined
  const { stream, mark, isEnough } = head.row
  return { queue: head.queue, stream, mark: mark as number, isEnough: isEnough === true }
}
