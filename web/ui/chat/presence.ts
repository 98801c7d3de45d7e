import { isPeerId, type PeerId } from '../../base/index.ts'
import type { MeshNode } from '../../node.ts'
import { createObservable, type Observable } from '../observable.ts'

/** Kept by nobody who keeps everything: see the rule of names that begin with `$`. */
const PREFIX = '$presence.'
/** Who types says so at most so often, and is forgotten after as long again. */
const TYPING_EVERY_MS = 3_000
const TYPING_FOR_MS = 6_000
const READ_EVERY_MS = 500
const MAX_TOPICS = 200

type ByTopic<Value> = ReadonlyMap<string, ReadonlyMap<PeerId, Value>>

/** Who types where, and how far everybody has read: told as it happens, and to whoever comes; nothing of it is kept. */
export interface Presence {
  readonly typing: Observable<ByTopic<number>>
  /** The id of the last message that each has seen. */
  readonly read: Observable<ByTopic<string>>
  typed(topic: string): void
  /** The message was sent, or the text is gone. */
  stoppedTyping(topic: string): void
  hasRead(topic: string, messageId: string): void
}

export function createPresence(node: MeshNode): Presence {
  return new RoomPresence(node)
}

class RoomPresence implements Presence {
  readonly typing = createObservable<ByTopic<number>>(new Map())
  readonly read = createObservable<ByTopic<string>>(new Map())
  readonly #node: MeshNode
  readonly #saidTyping = new Map<string, number>()
  readonly #ownRead = new Map<string, string>()
  #readTimer: ReturnType<typeof setTimeout> | undefined
  #readTopics = new Set<string>()
  #peers = ''

  constructor(node: MeshNode) {
    this.#node = node
    void this.#listen()
    node.subscribe(() => this.#onChange())
  }

  typed(topic: string): void {
    const now = Date.now()
    if (now - (this.#saidTyping.get(topic) ?? 0) < TYPING_EVERY_MS) return
    this.#saidTyping.set(topic, now)
    this.#tell(topic, { typing: true })
  }

  stoppedTyping(topic: string): void {
    if (this.#saidTyping.delete(topic)) this.#tell(topic, { typing: false })
  }

  hasRead(topic: string, messageId: string): void {
    if (this.#ownRead.get(topic) === messageId) return
    this.#ownRead.set(topic, messageId)
    this.#readTopics.add(topic)
    this.#readTimer ??= setTimeout(() => {
      this.#readTimer = undefined
      for (const one of this.#readTopics) this.#tell(one, { read: this.#ownRead.get(one) ?? '' })
      this.#readTopics.clear()
    }, READ_EVERY_MS)
  }

  /** Somebody has come: what was read is told again. */
  #onChange(): void {
    const peers = this.#node
      .peers()
      .map(({ peerId }) => peerId)
      .join()
    if (peers === this.#peers) return
    this.#peers = peers
    for (const [topic, id] of this.#ownRead) this.#tell(topic, { read: id })
  }

  #tell(topic: string, body: { typing: boolean } | { read: string }): void {
    this.#node
      .topic(PREFIX + topic)
      .publish(body)
      .catch(() => {
        // Nobody misses it.
      })
  }

  async #listen(): Promise<void> {
    try {
      for await (const { topic, body, from } of this.#node.topic(`${PREFIX}#`).subscribe())
        this.#hear(topic.slice(PREFIX.length), body, from)
    } catch {
      // The node has ended.
    }
  }

  #hear(topic: string, body: unknown, from: PeerId): void {
    if (from === this.#node.id || !isPeerId(from)) return
    const { typing, read } = (body ?? {}) as { typing?: unknown; read?: unknown }
    if (typing === true) {
      this.typing.set(withEntry(this.typing.get(), topic, from, Date.now() + TYPING_FOR_MS))
      setTimeout(() => this.#forgetTyping(topic, from), TYPING_FOR_MS)
    } else if (typing === false) this.#forgetTyping(topic, from, true)
    if (typeof read === 'string' && read.length < 200)
      this.read.set(withEntry(this.read.get(), topic, from, read))
  }

  #forgetTyping(topic: string, from: PeerId, isSaid = false): void {
    const until = this.typing.get().get(topic)?.get(from)
    if (until === undefined || (!isSaid && until > Date.now())) return
    this.typing.set(withEntry(this.typing.get(), topic, from, undefined))
  }
}

function withEntry<Value>(
  all: ByTopic<Value>,
  topic: string,
  peer: PeerId,
  value: Value | undefined,
): ByTopic<Value> {
  if (!all.has(topic) && all.size >= MAX_TOPICS) return all
  const peers = new Map(all.get(topic))
  if (value === undefined) peers.delete(peer)
  else peers.set(peer, value)
  return new Map(all).set(topic, peers)
}
