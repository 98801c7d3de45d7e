import { MAX_INVITE_TEXT_CHARACTERS } from '../../base/index.ts'

/** Base32 of secret and check: told from a room id (32 characters) by its length. */
export const INVITE_CHARACTERS = 58
/** A link in a link in a link: so often do mail filters and chat apps wrap. */
const MAX_WRAPPINGS = 3
/** In which a code with all its breaks has place. */
const CODE_SPAN = 512
/** Characters without width, or with a direction. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}/gu
/** What mailers put where they break a line; spaces and quote signs. */
const BREAKS = /[=-]\r?\n|[\s>]/g
/** `*` is how one mail filter writes the `#` of a link that it wraps. */
const ADDRESS = /https?:\/\/[^\s"'<>()#*]*[#*]/gi

/**
 * Each run of characters in a text that may be an invite's code, the text's own order, as it is written and with its percent
 * signs resolved: chat apps and mailers wrap, break, quote and decorate links. The check in the code tells which one is.
 */
export function* codesIn(text: string): Generator<string> {
  for (const form of formsOf(text)) {
    const packed = pack(form)
    let from = 0
    for (let at = 0; at <= packed.length; at++) {
      if (at < packed.length && isBase32(packed.charCodeAt(at))) continue
      for (; from + INVITE_CHARACTERS <= at; from++) yield packed.slice(from, from + INVITE_CHARACTERS)
      from = at + 1
    }
  }
}

/**
 * The addresses that the text may give the code with, the likeliest first: what stands before its `#`, where one link has
 * another in it from the inner one on. None where the code stands alone.
 */
export function addressesOf(text: string, code: string): readonly string[] {
  for (const form of formsOf(text)) {
    for (const { 0: address, index } of form.matchAll(ADDRESS)) {
      const from = index + address.length
      if (!pack(form.slice(from, from + CODE_SPAN)).startsWith(code)) continue
      const links = address.slice(0, -1).replace(BREAKS, '')
      return [...links.matchAll(/https?:\/\//gi)].map(({ index: start }) => links.slice(start)).reverse()
    }
  }
  return []
}

function* formsOf(text: string): Generator<string> {
  let form = text.slice(0, MAX_INVITE_TEXT_CHARACTERS).normalize('NFKC').replace(UNSEEN, '')
  yield form
  for (let n = 0; n < MAX_WRAPPINGS; n++) {
    const unwrapped = form.replace(/(?:%[0-9a-f]{2})+/gi, resolve).replace(UNSEEN, '')
    if (unwrapped === form) return
    form = unwrapped
    yield form
  }
}

function resolve(escaped: string): string {
  try {
    return decodeURIComponent(escaped)
  } catch {
    // No UTF-8: it stays as it is.
    return escaped
  }
}

function pack(text: string): string {
  return text.replace(BREAKS, '').toLowerCase()
}

/** a to z and 2 to 7. */
function isBase32(unit: number): boolean {
  return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x32 && unit <= 0x37)
}
