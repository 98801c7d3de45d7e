/** Where a message was before, on one that has gone on to another queue. Artemis' names, so that a selector written for it fits. */
export const ORIGINAL_ADDRESS = '_AMQ_ORIG_ADDRESS'
export const ORIGINAL_QUEUE = '_AMQ_ORIG_QUEUE'
export const ORIGINAL_ID = '_AMQ_ORIG_MESSAGE_ID'
export const EXPIRED_AT = '_AMQ_ACTUAL_EXPIRY'
/** On a dead letter, which Artemis tells nothing more of: how many attempts failed, and how the last one did ({@link LastFailure}). */
export const ATTEMPTS = '_TABMESH_ATTEMPTS'
export const LAST_FAILURE = '_TABMESH_LAST_FAILURE'

/** `given-back`: its consumer said so, or left the loop with it; `consumer-lost`: nothing was heard of its consumer any more. */
export type LastFailure = 'given-back' | 'consumer-lost'

const NAMES: ReadonlySet<string> = new Set([
  ORIGINAL_ADDRESS,
  ORIGINAL_QUEUE,
  ORIGINAL_ID,
  EXPIRED_AT,
  ATTEMPTS,
  LAST_FAILURE,
])

/** How many of them a message can have. */
export const ORIGINS = NAMES.size

/** Tabmesh has added this header: it does not count among a message's own. */
export function isOrigin(name: string): boolean {
  return NAMES.has(name)
}
