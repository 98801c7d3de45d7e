import { Listeners, type PeerId } from '../base/index.ts'
import { decodeBody, messageId } from './item.ts'
import { compareKept, type Kept, keptBytes } from './kept.ts'
import type { Matcher } from './pattern.ts'
import type { EarlierMessage } from './subscriptions.ts'
import type { HistoryEntry } from './topic.ts'

/** Body bytes that one topic keeps, and all together; beyond them the oldest of the topic that grew go. */
const MAX_TOPIC_BYTES = 8 * 1024 * 1024
const MAX_TOTAL_BYTES = 64 * 1024 * 1024
/** Topics with kept messages; beyond it the one that was quiet longest goes. */
const MAX_TOPICS = 100
const NONE: readonly HistoryEntry[] = Object.freeze([])

interface Log {
  readonly kept: Kept[]
  readonly failed: HistoryEntry[]
  bytes: number
  entries: readonly HistoryEntry[] | undefined
}

/** What is kept of topics with history, in memory as on disk. */
export class History {
  readonly #self: PeerId
  readonly #limitOf: (topic: string) => number
  readonly #isPending: (kept: Kept) => boolean
  readonly #logs = new Map<string, Log>()
  readonly #shown = new WeakMap<Kept, HistoryEntry>()
  readonly #listeners = new Listeners<[]>()
  #topics: readonly string[] | undefined
  #bytes = 0

  constructor(self: PeerId, limitOf: (topic: string) => number, isPending: (kept: Kept) => boolean) {
    this.#self = self
    this.#limitOf = limitOf
    this.#isPending = isPending
  }

  topics(): readonly string[] {
    this.#topics ??= [...this.#logs.keys()].sort()
    return this.#topics
  }

  entries(topic: string): readonly HistoryEntry[] {
    const log = this.#logs.get(topic)
    if (!log) return NONE
    log.entries ??= [...log.kept.map((kept) => this.#show(kept)), ...log.failed].sort(
      (a, b) => (a.place ?? a.sentAt) - (b.place ?? b.sentAt),
    )
    return log.entries
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  /** Takes in what is on disk already; gives what no longer has room, for removal there. */
  add(all: readonly Kept[]): Kept[] {
    const trimmed: Kept[] = []
    for (const kept of all) {
      const log = this.#log(kept.topic)
      if (!insert(log.kept, kept)) continue
      this.#weigh(log, keptBytes(kept))
      trimmed.push(...this.#trim(kept.topic, log))
    }
    trimmed.push(...this.#trimTopics())
    if (all.length > 0) this.#listeners.emit()
    return trimmed
  }

  /** Others have these own messages now; gives what no longer has room without them being kept for sending. */
  settle(delivered: readonly Kept[]): Kept[] {
    const topics = new Set(delivered.map((kept) => kept.topic))
    for (const kept of delivered) this.#shown.delete(kept)
    const trimmed: Kept[] = []
    for (const topic of topics) {
      const log = this.#log(topic)
      log.entries = undefined
      trimmed.push(...this.#trim(topic, log))
    }
    this.#listeners.emit()
    return trimmed
  }

  addFailed(entry: HistoryEntry): void {
    const log = this.#log(entry.topic)
    log.failed.push(entry)
    log.entries = undefined
    this.#listeners.emit()
  }

  removeFailed(entry: HistoryEntry): void {
    const log = this.#logs.get(entry.topic)
    if (!log) return
    log.failed.splice(log.failed.indexOf(entry), 1)
    log.entries = undefined
    this.#listeners.emit()
  }

  /** Kept messages of every topic that fits, oldest first. */
  *matching(matcher: Matcher): Iterable<EarlierMessage> {
    const logs = [...this.#logs].filter(([topic]) => matcher.matches(topic))
    const all = logs.flatMap(([, log]) => log.kept).sort(compareKept)
    for (const kept of all) {
      const { id, topic, body, headers, from, sentAt } = this.#show(kept)
      yield { message: { id, topic, body, headers, from, sentAt }, bytes: kept.body.byteLength }
    }
  }

  #show(kept: Kept): HistoryEntry {
    const known = this.#shown.get(kept)
    if (known) return known
    const isOwn = kept.from === this.#self
    const entry: HistoryEntry = {
      id: messageId(kept.from, kept.stream, kept.number),
      topic: kept.topic,
      body: decodeBody(kept.body)?.body,
      headers: kept.headers,
      from: kept.from,
      sentAt: kept.sentAt,
      place: kept.at,
      state: isOwn ? (this.#isPending(kept) ? 'sending' : 'delivered') : 'received',
      name: kept.name,
    }
    this.#shown.set(kept, entry)
    return entry
  }

  #log(topic: string): Log {
    let log = this.#logs.get(topic)
    if (!log) {
      log = { kept: [], failed: [], bytes: 0, entries: undefined }
      this.#logs.set(topic, log)
      this.#topics = undefined
    }
    return log
  }

  #weigh(log: Log, bytes: number): void {
    log.bytes += bytes
    log.entries = undefined
    this.#bytes += bytes
  }

  #trim(topic: string, log: Log): Kept[] {
    const limit = this.#limitOf(topic)
    const isOver = () =>
      log.kept.length > limit || log.bytes > MAX_TOPIC_BYTES || this.#bytes > MAX_TOTAL_BYTES
    const trimmed: Kept[] = []
    // What nobody else has yet stays, however old.
    for (let at = 0; isOver() && at < log.kept.length - 1; ) {
      const kept = log.kept[at] as Kept
      if (this.#isPending(kept)) at++
      else {
        log.kept.splice(at, 1)
        this.#weigh(log, -keptBytes(kept))
        trimmed.push(kept)
      }
    }
    return trimmed
  }

  #trimTopics(): Kept[] {
    const trimmed: Kept[] = []
    while (this.#logs.size > MAX_TOPICS) {
      const quiet = [...this.#logs].filter(([, log]) => !log.kept.some((kept) => this.#isPending(kept)))
      const oldest = quiet.sort((a, b) => lastAt(a[1]) - lastAt(b[1]))[0]
      if (!oldest) break
      const [topic, log] = oldest
      trimmed.push(...log.kept)
      this.#weigh(log, -log.bytes)
      this.#logs.delete(topic)
      this.#topics = undefined
    }
    return trimmed
  }
}

/** False when it is there already. */
function insert(all: Kept[], kept: Kept): boolean {
  let at = all.length
  while (at > 0 && compareKept(all[at - 1] as Kept, kept) > 0) at--
  if (at > 0 && compareKept(all[at - 1] as Kept, kept) === 0) return false
  all.splice(at, 0, kept)
  return true
}

function lastAt(log: Log): number {
  return log.kept.at(-1)?.at ?? 0
}
