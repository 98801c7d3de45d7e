import type { PeerId } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import type { Calls } from './calls.ts'
import { compareEpochs } from './epoch.ts'
import {
  METHOD_APPLY,
  METHOD_BROWSE,
  METHOD_CANCEL,
  METHOD_CONSUME,
  METHOD_DECIDE,
  METHOD_MOVE,
  METHOD_OUTCOME,
  METHOD_PREPARE,
  METHOD_PURGE,
  METHOD_PUT,
  METHOD_REBALANCE,
  METHOD_SETTLE,
  METHOD_STATS,
  readHead,
} from './messages.ts'
import type { Owner } from './owner.ts'
import type { Ownership } from './ownership.ts'

type Row = Readonly<Record<string, unknown>>
type Handle = (owner: Owner, row: Row, from: PeerId) => Value | Promise<Value>

/** Under whatever reign they are asked. */
const ANY_REIGN: Readonly<Record<string, Handle>> = {
  [METHOD_PUT]: (owner, row, from) => owner.put(row, from),
  [METHOD_BROWSE]: (owner, row) => owner.browse(row),
  [METHOD_STATS]: (owner) => describe(owner),
  [METHOD_DECIDE]: (owner, row, from) => owner.decide(row, from),
  [METHOD_OUTCOME]: (owner, row) => owner.outcome(row),
  [METHOD_APPLY]: (owner, row, from) => owner.apply(row, from),
  [METHOD_MOVE]: (owner, row) => owner.move(row),
  [METHOD_REBALANCE]: (owner) => owner.rebalance(),
  [METHOD_PURGE]: (owner) => owner.purge(),
}

/** Tokens of another reign mean other messages. */
const SAME_REIGN: Readonly<Record<string, Handle>> = {
  [METHOD_CONSUME]: (owner, row, from) => owner.consume(row, from),
  [METHOD_SETTLE]: (owner, row, from) => owner.settle(row, from),
  [METHOD_CANCEL]: (owner, row, from) => owner.cancel(row, from),
  [METHOD_PREPARE]: (owner, row, from) => owner.prepare(row, from),
}

/** Serves what members ask of the queues that this node owns. */
export function serveOwned(calls: Calls, ownership: Ownership): void {
  const serve = (methods: Readonly<Record<string, Handle>>, isSameReign: boolean) => {
    for (const [method, handle] of Object.entries(methods)) {
      calls.serve(method, async (body, { from }) => {
        const head = readHead(body)
        if (!head) throw new MessagingError('malformed', 'this is no message about a queue')
        const owner = ownership.owner(head.queue)
        if (isSameReign && compareEpochs(owner.epoch, head.epoch) !== 0)
          throw new MessagingError('stale-epoch', 'this is for another reign of this queue')
        const answer = await handle(owner, head.row, from)
        // It may have slept over it: whose messages these are is for the next owner to say.
        if (method === METHOD_SETTLE && ownership.owner(head.queue) !== owner)
          throw new MessagingError('not-owner', 'this member does not own the queue any more')
        return answer
      })
    }
  }
  serve(ANY_REIGN, false)
  serve(SAME_REIGN, true)
}

function describe(owner: Owner): Value {
  const self = owner.epoch.owner
  const holders = [self, ...owner.replication.holders]
  const consumerList = owner.consumers().map((consumer) => ({ ...consumer }))
  return { owner: self, settings: { ...owner.settings }, holders, consumerList, ...owner.counts() }
}
