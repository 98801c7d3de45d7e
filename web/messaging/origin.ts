/** Where a message was before, on one that has gone on to another queue. Artemis' names, so that a selector written for it fits. */
export const ORIGINAL_ADDRESS = '_AMQ_ORIG_ADDRESS'
export const ORIGINAL_QUEUE = '_AMQ_ORIG_QUEUE'
export const ORIGINAL_ID = '_AMQ_ORIG_MESSAGE_ID'
export const EXPIRED_AT = '_AMQ_ACTUAL_EXPIRY'

const NAMES: ReadonlySet<string> = new Set([ORIGINAL_ADDRESS, ORIGINAL_QUEUE, ORIGINAL_ID, EXPIRED_AT])

/** How many of them a message can have. */
export const ORIGINS = NAMES.size

/** Tabmesh has added this header: it does not count among a message's own. */
export function isOrigin(name: string): boolean {
  return NAMES.has(name)
}
