import { isPeerId, isRecord, isTokenId, type PeerId } from '../../base/index.ts'
import type { Room } from '../../mesh/index.ts'
import { MessagingError } from '../errors.ts'
import type { Calls } from './calls.ts'
import { METHOD_HEARD } from './messages.ts'
import type { Replica } from './replica.ts'
import type { Decision } from './tx-state.ts'

const REQUEST_MS = 5_000

/** What members have heard of a transaction's decision in any queue that they keep: asked where its home is gone. */
export class HeardDecisions {
  readonly #calls: Calls
  readonly #room: Room
  readonly #replicas: ReadonlyMap<string, Replica>

  constructor(calls: Calls, room: Room, replicas: ReadonlyMap<string, Replica>) {
    this.#calls = calls
    this.#room = room
    this.#replicas = replicas
    calls.serve(METHOD_HEARD, async (body) => {
      const { tx, coordinator } = isRecord(body) ? body : {}
      if (!isTokenId(tx) || !isPeerId(coordinator))
        throw new MessagingError('malformed', 'this asks for no transaction')
      return this.#heardHere(tx, coordinator) ?? null
    })
  }

  /** The coordinator's own word, as anybody here has it; undefined where nobody who answers has heard it. */
  async ask(tx: string, coordinator: PeerId, signal: AbortSignal): Promise<Decision | undefined> {
    const options = { timeoutMs: REQUEST_MS, signal }
    const answers = await Promise.all(
      this.#room.members().map(({ peerId }) =>
        this.#calls
          .request(peerId, METHOD_HEARD, { tx, coordinator }, options)
          // It is of an earlier build, or asleep: it tells nothing.
          .catch(() => undefined),
      ),
    )
    signal.throwIfAborted()
    if (answers.includes('commit')) return 'commit'
    return answers.includes('abort') ? 'abort' : undefined
  }

  #heardHere(tx: string, coordinator: PeerId): Decision | undefined {
    const decisions = new Set<Decision | undefined>()
    for (const { transactions } of this.#replicas.values()) {
      const state = transactions.get(tx)
      if (state?.coordinator === coordinator) decisions.add(state.decision)
    }
    if (decisions.has('commit')) return 'commit'
    return decisions.has('abort') ? 'abort' : undefined
  }
}
