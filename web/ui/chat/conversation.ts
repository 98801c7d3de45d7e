import { type PeerId, visibleName } from '../../base/index.ts'
import type { HistoryEntry, SharedFile } from '../../messaging/index.ts'
import { valueText } from '../value-text.ts'

/**
 * What a chat message is beside its text: a reply names the message that it answers, the others change it. They are ordinary
 * messages of the topic, kept and sent as all are; an older page shows them as they are.
 */
export type MessageKind = 'reply' | 'edit' | 'delete' | 'reaction' | 'file'

export const REACTIONS = ['👍', '❤️', '😂', '🎉', '👀', '✅'] as const
const MAX_REACTIONS = 20
const MAX_REACTION_LENGTH = 16

export interface Reaction {
  readonly emoji: string
  readonly by: readonly PeerId[]
}

/** One message as the page shows it: the entry with all that was said about it since. */
export interface ChatMessage {
  readonly entry: HistoryEntry
  readonly text: string
  readonly isEdited: boolean
  readonly isDeleted: boolean
  /** The message that it answers. */
  readonly replyTo: string | undefined
  readonly reactions: readonly Reaction[]
  readonly file: SharedFile | undefined
}

/** The headers of a message that is about another one. */
export function about(kind: Exclude<MessageKind, 'file'>, id: string): Record<string, string> {
  return { kind, re: id }
}

export function fileHeaders(file: SharedFile): Record<string, string | number> {
  const { id, name, size, type, lastModified } = file
  return { kind: 'file', fileId: id, fileName: name, fileSize: size, fileType: type, fileAt: lastModified }
}

/** Whether it only changes another message, and is no line of its own. */
export function isAside({ headers }: HistoryEntry): boolean {
  const kind = kindOf(headers)
  return kind === 'edit' || kind === 'delete' || kind === 'reaction'
}

/**
 * The messages of a topic in their order, each with its edits, reactions and end. The order in which those came makes no
 * difference; what is not its author's to change, and what names no message, changes nothing.
 */
export function conversationOf(entries: readonly HistoryEntry[]): readonly ChatMessage[] {
  const asides = new Map<string, HistoryEntry[]>()
  for (const entry of entries) {
    if (!isAside(entry) || entry.state === 'failed') continue
    const target = String(entry.headers['re'] ?? '')
    asides.set(target, [...(asides.get(target) ?? []), entry])
  }
  return entries
    .filter((entry) => !isAside(entry))
    .map((entry) => messageOf(entry, asides.get(entry.id) ?? []))
}

function messageOf(entry: HistoryEntry, asides: readonly HistoryEntry[]): ChatMessage {
  const own = asides.filter(({ from }) => from === entry.from)
  const isDeleted = own.some(({ headers }) => kindOf(headers) === 'delete')
  const edit = own
    .filter(({ headers }) => kindOf(headers) === 'edit')
    .sort(byPlace)
    .at(-1)
  const { re } = entry.headers
  return {
    entry,
    text: isDeleted ? '' : valueText((edit ?? entry).body),
    isEdited: edit !== undefined,
    isDeleted,
    replyTo: kindOf(entry.headers) === 'reply' && typeof re === 'string' ? re : undefined,
    reactions: isDeleted ? [] : reactionsOf(asides),
    file: isDeleted ? undefined : fileOf(entry.headers),
  }
}

/** The last word of each person about each sign counts. */
function reactionsOf(asides: readonly HistoryEntry[]): readonly Reaction[] {
  const last = new Map<string, HistoryEntry>()
  for (const entry of [...asides].sort(byPlace)) {
    if (kindOf(entry.headers) === 'reaction' && isReaction(entry.body))
      last.set(`${entry.from} ${entry.body}`, entry)
  }
  const bySign = new Map<string, PeerId[]>()
  for (const { body, from, headers } of last.values()) {
    if (headers['isOff'] === true) continue
    bySign.set(body as string, [...(bySign.get(body as string) ?? []), from])
  }
  return [...bySign].slice(0, MAX_REACTIONS).map(([emoji, by]) => ({ emoji, by }))
}

function isReaction(body: unknown): body is string {
  return (
    typeof body === 'string' &&
    body.length > 0 &&
    body.length <= MAX_REACTION_LENGTH &&
    /^(?:\p{Extended_Pictographic}|\u200d|\ufe0f|\p{Emoji_Modifier})+$/u.test(body)
  )
}

function fileOf(headers: HistoryEntry['headers']): SharedFile | undefined {
  const { fileId: id, fileName: name, fileSize: size, fileType: type, fileAt: lastModified } = headers
  if (kindOf(headers) !== 'file' || typeof id !== 'string' || typeof name !== 'string') return undefined
  if (typeof size !== 'number' || typeof type !== 'string' || typeof lastModified !== 'number')
    return undefined
  return { id, name: visibleName(name, 255) || 'file', size, type, lastModified }
}

function kindOf(headers: HistoryEntry['headers']): MessageKind | undefined {
  const { kind } = headers
  const isKnown =
    kind === 'reply' || kind === 'edit' || kind === 'delete' || kind === 'reaction' || kind === 'file'
  return isKnown ? kind : undefined
}

/** As the topic's entries stand. */
function byPlace(a: HistoryEntry, b: HistoryEntry): number {
  return (
    placeOfEntry(a) - placeOfEntry(b) ||
    (a.from < b.from ? -1 : a.from > b.from ? 1 : numberOf(a) - numberOf(b))
  )
}

function placeOfEntry({ place, sentAt }: HistoryEntry): number {
  return place ?? sentAt
}

/** How many its sender had sent before. */
function numberOf({ id }: HistoryEntry): number {
  return Number(id.slice(id.lastIndexOf('/') + 1))
}

/** The person's name in a text, as a mention: `@Ada`, not `@Adam`. Case does not matter. */
export function mentions(text: string, name: string): boolean {
  if (name === '') return false
  const lower = text.toLowerCase()
  const wanted = `@${name.toLowerCase()}`
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + 1)) {
    const before = at === 0 ? '' : (lower[at - 1] ?? '')
    const after = lower[at + wanted.length] ?? ''
    if (!/[\p{L}\p{N}_@]/u.test(before) && !/[\p{L}\p{N}_]/u.test(after)) return true
  }
  return false
}

/** What is being typed after the last `@`, if that is a mention that is not finished: its place and text. */
export function openMention(
  text: string,
  caret: number,
): { readonly at: number; readonly query: string } | undefined {
  const before = text.slice(0, caret)
  const at = before.lastIndexOf('@')
  if (at < 0 || (at > 0 && !/\s/.test(before[at - 1] as string))) return undefined
  const query = before.slice(at + 1)
  return query.length > 30 || query.includes('\n') ? undefined : { at, query }
}

export interface Found {
  readonly topic: string
  readonly message: ChatMessage
}

/** Newest first; every word of the query is in the text or in the name of its file. */
export function search(
  topics: readonly string[],
  entriesOf: (topic: string) => readonly HistoryEntry[],
  query: string,
  limit: number,
): readonly Found[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return []
  const found = topics.flatMap((topic) =>
    conversationOf(entriesOf(topic))
      .filter(({ text }) => words.every((word) => text.toLowerCase().includes(word)))
      .map((message) => ({ topic, message })),
  )
  return found.sort((a, b) => byPlace(b.message.entry, a.message.entry)).slice(0, limit)
}

/** The one of them that a reader has seen last, by place; `undefined` where it is not among them. */
export function placeOf(entries: readonly HistoryEntry[], id: string | undefined): number | undefined {
  if (id === undefined) return undefined
  const at = entries.findIndex((entry) => entry.id === id)
  return at < 0 ? undefined : at
}
