import { type Clock, Intervals, type PeerId, sleep } from '../../base/index.ts'
import { isFinal, RemoteError } from '../../mesh/index.ts'
import type { Value } from '../../wire/index.ts'
import { headersWeight, weightOf } from '../item.ts'
import { toRest } from './ages.ts'
import { type Calls, isBusy } from './calls.ts'
import type { Change, CopyLog, Done } from './copy-log.ts'
import type { Epoch } from './epoch.ts'
import type { Live, Source } from './live.ts'
import { headToWire, MAX_TOKENS, METHOD_COPY, type SourceState, sourceToWire } from './messages.ts'
import { inPages } from './page.ts'
import { itemToWire, type QueueItem } from './queue-item.ts'
import { attemptsToWire, finishersOf, type Merge, mergeFrom } from './reconcile.ts'
import type { Replica } from './replica.ts'
import type { QueueSettings } from './settings.ts'
import { stampsToWire } from './stamp.ts'
import { type TxState, txToWire, withAge } from './tx-state.ts'

const REQUEST_MS = 5_000
const FIRST_RETRY_MS = 250
const MAX_RETRY_MS = 4_000
/** After an answer that is final. */
const FINAL_RETRY_MS = 60_000
/** Copies to one holder that are not confirmed yet. */
const MAX_UNDER_WAY = 4

/** What a holder is told once: it keeps it with what comes later. */
interface FirstCopy {
  readonly settings: Readonly<Record<string, Value>> | null
  readonly explicit: Readonly<Record<string, Value>> | null
  readonly dedup: readonly string[]
}

/** What goes to a holder at once. */
interface Copy {
  readonly items: readonly QueueItem[]
  /** Of messages that the holder has sent: its outbox has the rest of them. */
  readonly own: readonly QueueItem[]
  readonly done: readonly SourceState[]
  readonly attempts: readonly Live[]
  readonly transactions: readonly TxState[]
  readonly first: FirstCopy
}

const LATER_COPY: FirstCopy = { settings: null, explicit: null, dedup: [] }
const EMPTY_COPY: Copy = {
  items: [],
  own: [],
  done: [],
  attempts: [],
  transactions: [],
  first: LATER_COPY,
}

/** A copy that was sent and is not confirmed. */
class UnderWay {
  readonly seq: number
  readonly done: Promise<void>
  isDone = false

  constructor(seq: number, done: Promise<void>) {
    this.seq = seq
    this.done = done.then(() => {
      this.isDone = true
    })
    this.done.catch(() => {
      // Whoever waits for the first of them is told; the others fail with it.
    })
  }
}

export interface HolderPorts {
  readonly replica: Replica
  readonly settings: QueueSettings
  readonly epoch: Epoch
  readonly calls: Calls
  readonly clock: Clock
  readonly log: CopyLog
  /** It obeys a newer owner. */
  onFenced(): void
  /** It brought messages, or knew that some are finished. */
  onMerged(merge: Merge): void
  /** It has more than before, or has fallen behind. */
  onProgress(): void
}

/** A member that keeps a copy, and what goes to it: first all that it lacks, then each change. */
export class Holder {
  readonly peer: PeerId
  readonly sessionId: string
  readonly #ports: HolderPorts
  readonly #controller = new AbortController()
  /** It has every change up to this one; undefined while it is brought up to date. */
  #cursor: number | undefined
  /** While it is brought up to date: it will have every change up to this one. */
  #base: number | undefined
  /** Every change up to this one has left for it. */
  #sent = 0
  #isSilent = false

  constructor(peer: PeerId, sessionId: string, ports: HolderPorts) {
    this.peer = peer
    this.sessionId = sessionId
    this.#ports = ports
    void this.#run()
  }

  /** It has every change up to this one; undefined while it is brought up to date. */
  get cursor(): number | undefined {
    return this.#cursor
  }

  /** The changes after this one have to reach it; undefined when it will begin from the start. */
  get needs(): number | undefined {
    return this.#cursor ?? this.#base
  }

  /** It does not answer: senders no longer wait for it. */
  get isSilent(): boolean {
    return this.#isSilent
  }

  /** Whether it has what this change says, or that has left for it. */
  isGiven(seq: number): boolean {
    return this.#cursor !== undefined && seq <= this.#sent
  }

  close(): void {
    this.#controller.abort()
  }

  /** It begins from the start when it answers again. */
  leaveBehind(): void {
    this.#cursor = undefined
    this.#base = undefined
    this.#isSilent = true
    this.#ports.onProgress()
  }

  async #run(): Promise<void> {
    const { signal } = this.#controller
    let retryMs = FIRST_RETRY_MS
    while (!signal.aborted) {
      try {
        await this.#bringUpToDate()
        retryMs = FIRST_RETRY_MS
        await this.#feed()
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof RemoteError && error.code === 'stale-epoch') return this.#ports.onFenced()
        this.leaveBehind()
        // It cannot read what it is told: told again, seldom, since what there is to tell changes.
        if (isFinal(error)) retryMs = FINAL_RETRY_MS
        await sleep(this.#ports.clock, retryMs, signal).catch(() => {
          // It is no holder any more; the loop ends.
        })
        retryMs = isFinal(error) ? FIRST_RETRY_MS : Math.min(retryMs * 2, MAX_RETRY_MS)
      }
    }
  }

  /** Both ways: what it has comes here, what it lacks goes there. What happens meanwhile is in the log. */
  async #bringUpToDate(): Promise<void> {
    const { replica, epoch, calls, log, onMerged, onProgress } = this.#ports
    const merge = await mergeFrom(this.peer, replica, epoch, calls, this.#controller.signal)
    onMerged(merge)
    this.#base = log.seq
    const held = new Map(merge.summary.sources.map((state) => [`${state.from}/${state.stream}`, state.have]))
    await this.#sendDone()
    // What was in the log before, and is still being written here, is no message yet.
    await replica.settled()
    // What it keeps from before may have failed since, more often than it knows.
    const attempted = replica.attempted()
    for (let at = 0; at < attempted.length; at += MAX_TOKENS)
      await this.#send({ attempts: attempted.slice(at, at + MAX_TOKENS) })
    for (const lives of pagesOf(replica, held)) await this.#sendLives(lives)
    // Undefined when it was too slow: then it begins again.
    this.#cursor = this.#base
    this.#sent = this.#base ?? 0
    this.#base = undefined
    this.#isSilent = false
    onProgress()
  }

  #sendDone(): Promise<void> {
    const { replica, settings } = this.#ports
    const done = [...replica.sources.values()].map((source) => ({
      ...stateOf(source),
      done: source.done,
    }))
    const head = { settings: { ...settings }, explicit: { ...replica.explicit } }
    const first = { ...head, dedup: replica.dedup.all() }
    return this.#send({
      done: [...finishersOf(replica), ...done],
      transactions: replica.transactions.all(),
      first,
    })
  }

  async #sendLives(lives: readonly Live[]): Promise<void> {
    const items: QueueItem[] = []
    for (const live of lives) {
      const item = await this.#ports.replica.itemOf(live)
      // Finished meanwhile, or damaged here: others may have it.
      if (item && live.source.live.get(live.number) === live) items.push(item)
    }
    await this.#send({ items, attempts: lives.filter((live) => live.attempts > 0) })
  }

  /** Several copies are under way at once: what they say adds up in any order, what is confirmed counts in theirs. */
  async #feed(): Promise<void> {
    const { log } = this.#ports
    const { signal } = this.#controller
    const underWay: UnderWay[] = []
    while (this.#cursor !== undefined && !signal.aborted) {
      const changes = underWay.length < MAX_UNDER_WAY ? log.after(this.#sent) : []
      const last = changes.at(-1)
      if (last && !log.canWait(changes, this.peer)) {
        underWay.push(new UnderWay(last.seq, this.#sendChanges(changes)))
        this.#sent = last.seq
        continue
      }
      const first = underWay[0]
      await (first ? Promise.race([first.done, log.more(signal)]) : log.more(signal))
      while (underWay[0]?.isDone) this.#advance((underWay.shift() as UnderWay).seq)
    }
  }

  #advance(seq: number): void {
    if (this.#cursor === undefined) return
    this.#cursor = seq
    this.#isSilent = false
    this.#ports.onProgress()
  }

  #sendChanges(changes: readonly Change[]): Promise<void> {
    const items: QueueItem[] = []
    const own: QueueItem[] = []
    for (const change of changes)
      for (const item of change.items)
        (change.kept !== 'nowhere' && item.from === this.peer ? own : items).push(item)
    const attempts = changes.flatMap((change) => change.attempts ?? [])
    const transactions = changes.flatMap((change) => change.tx ?? [])
    return this.#send({ items, own, done: mergeDone(changes), attempts, transactions })
  }

  async #send(copy: Partial<Copy>): Promise<void> {
    const { replica, epoch, calls } = this.#ports
    const wall = calls.clock.wall()
    const { items, own, done, attempts, transactions, first } = { ...EMPTY_COPY, ...copy }
    const bytes = items.reduce((sum, item) => sum + weightOf(item), first.dedup.length * 32)
    const body: Value = {
      ...headToWire(replica.queue, epoch),
      ...first,
      items: items.map((item) => itemToWire(toRest(item, wall))),
      own: stampsToWire(own.map((item) => toRest(item, wall))),
      done: done.map(sourceToWire),
      tx: transactions.map((state) => txToWire(withAge(state, wall))),
      attempts: attempts.map((live) => attemptsToWire(live, wall)),
    }
    const options = { timeoutMs: REQUEST_MS, signal: this.#controller.signal, bytes }
    for (;;) {
      try {
        await calls.request(this.peer, METHOD_COPY, body, options)
        return
      } catch (error) {
        // It is there, and has much to do: nothing that it has is in doubt.
        if (!isBusy(error)) throw error
      }
    }
  }
}

function pagesOf(replica: Replica, held: ReadonlyMap<string, Intervals>): readonly (readonly Live[])[] {
  const missing = [...replica.messages()].filter((live) => !held.get(live.source.key)?.has(live.number))
  return inPages(missing, ({ size, headers }) => size + headersWeight(headers))
}

function mergeDone(changes: readonly Change[]): readonly SourceState[] {
  const merged = new Map<string, Done>()
  for (const { done } of changes) {
    if (!done) continue
    const { source, by } = done
    const known = merged.get(`${by} ${source.key}`) ?? { source, numbers: new Intervals(), by }
    known.numbers.addAll(done.numbers)
    merged.set(`${by} ${source.key}`, known)
  }
  return [...merged.values()].map(({ source, numbers, by }) => ({ ...stateOf(source), done: numbers, by }))
}

function stateOf({ from, stream, high }: Source) {
  return { from, stream, high, have: new Intervals() }
}
