import type { ReactNode } from 'react'

/** Code first, so that nothing inside it is read as a link or bold. */
const PIECES =
  /```\n?([\s\S]+?)```|`([^`\n]+)`|\*\*([^*\s][^*\n]*)\*\*|\*([^*\s][^*\n]*)\*|(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])/g

/** What more of it is formatted stays as it was typed: each piece is an element that every screen pays for. */
const MAX_PIECES = 200

/**
 * A person's plain text as nodes: `code`, ```blocks```, *bold* or **bold**, http(s) links and mentions of these names;
 * everything else as it was typed. At most {@link MAX_PIECES} of these.
 */
export function formatMessage(message: string, names: readonly string[] = []): ReactNode[] {
  const nodes: ReactNode[] = []
  const mentions = mentionsOf(names)
  let left = MAX_PIECES
  let end = 0
  const addPlain = (until: number) => {
    const plain = message.slice(end, until)
    if (plain === '') return
    const found: RegExpExecArray[] = []
    for (const match of mentions && plain.includes('@') ? plain.matchAll(mentions) : []) {
      if (left <= 0) break
      left--
      found.push(match)
    }
    nodes.push(...withMentions(plain, found, end))
  }
  for (const match of message.matchAll(PIECES)) {
    addPlain(match.index)
    end = match.index
    if (left <= 0) break
    left--
    nodes.push(pieceOf(match))
    end += match[0].length
  }
  addPlain(message.length)
  return nodes
}

/** The longest name that fits is meant. */
function mentionsOf(names: readonly string[]): RegExp | undefined {
  const byLength = [...names].filter(Boolean).sort((a, b) => b.length - a.length)
  if (byLength.length === 0) return undefined
  return new RegExp(`@(?:${byLength.map(escaped).join('|')})(?![\\p{L}\\p{N}_])`, 'giu')
}

function withMentions(plain: string, found: readonly RegExpExecArray[], from: number): ReactNode[] {
  const nodes: ReactNode[] = []
  let end = 0
  for (const { 0: mention, index } of found) {
    if (index > end) nodes.push(plain.slice(end, index))
    nodes.push(
      <span key={`mention-${from + index}`} className="mention">
        {mention}
      </span>,
    )
    end = index + mention.length
  }
  if (end < plain.length) nodes.push(plain.slice(end))
  return nodes
}

function escaped(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function pieceOf(match: RegExpExecArray): ReactNode {
  const [, block, code, double, single, link] = match
  const bold = double ?? single
  const key = match.index
  if (block !== undefined) {
    return (
      <pre key={key}>
        <code>{block.replace(/\n$/, '')}</code>
      </pre>
    )
  }
  if (code !== undefined) return <code key={key}>{code}</code>
  if (bold !== undefined) return <strong key={key}>{bold}</strong>
  return (
    <a key={key} href={link} target="_blank" rel="noopener noreferrer nofollow">
      {link}
    </a>
  )
}
