import { reasonText, TabmeshError } from '../base/index.ts'

/**
 * `bad-name`: not a topic's name or pattern. `bad-option`: headers or another option break a bound. `bad-body`: the body
 * holds something that has no meaning on another machine. `too-large`: the body's encoding is larger than a message may
 * be. `outbox-full`: too much waits for others already. `quota`: this device's disk is full. `store`: its store failed.
 * `malformed`: a peer's message is not one of ours. `closed`: the node has ended.
 *
 * Of queues. `queue-full`: it takes no more, by its settings. `settings-conflict`: it exists with other settings.
 * `not-owner`, `stale-epoch`: somebody else owns the queue now; asked again, the right one answers. `lease-lost`: the attempt
 * is no longer this consumer's. `no-reply`: nobody answered in time. `aborted`: nothing of the transaction has happened.
 * `duplicate`: the queue knows this `dedupId`.
 *
 * Of files. `declined`, `cancelled`: one of the two sides did that. `damaged`: what came, or what lies on the disk, is not
 * what was sent. `gone`: its sender no longer has it (of a queue's messages, too).
 */
const CODES = [
  'bad-name',
  'bad-option',
  'bad-body',
  'too-large',
  'outbox-full',
  'quota',
  'store',
  'malformed',
  'closed',
  'queue-full',
  'settings-conflict',
  'not-owner',
  'stale-epoch',
  'lease-lost',
  'no-reply',
  'aborted',
  'duplicate',
  'declined',
  'cancelled',
  'damaged',
  'gone',
] as const
export type MessagingErrorCode = (typeof CODES)[number]

export class MessagingError extends TabmeshError<MessagingErrorCode> {}

/** What a peer, or a layer below, has refused, in this layer's words: `malformed` where it has none for it. */
export function refusalOf(reason: unknown): MessagingError {
  if (reason instanceof MessagingError) return reason
  const given = (reason as { readonly code?: unknown } | null | undefined)?.code
  const code = CODES.find((one) => one === given) ?? 'malformed'
  return new MessagingError(code, reasonText(reason), { cause: reason })
}
