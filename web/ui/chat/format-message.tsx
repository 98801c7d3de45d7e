import type { ReactNode } from 'react'

/** Code first, so that nothing inside it is read as a link or bold. */
const PIECES =
  /```\n?([\s\S]+?)```|`([^`\n]+)`|\*\*([^*\s][^*\n]*)\*\*|\*([^*\s][^*\n]*)\*|(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])/g

/**
 * A person's plain text as nodes: `code`, ```blocks```, *bold* or **bold**, http(s) links and mentions of these names;
 * everything else as it was typed.
 */
export function formatMessage(message: string, names: readonly string[] = []): ReactNode[] {
  const nodes: ReactNode[] = []
  let end = 0
  for (const match of message.matchAll(PIECES)) {
    if (match.index > end) nodes.push(...withMentions(message.slice(end, match.index), names, end))
    nodes.push(pieceOf(match))
    end = match.index + match[0].length
  }
  if (end < message.length) nodes.push(...withMentions(message.slice(end), names, end))
  return nodes
}

/** The longest name that fits is meant. */
function withMentions(plain: string, names: readonly string[], from: number): ReactNode[] {
  const byLength = [...names].filter(Boolean).sort((a, b) => b.length - a.length)
  if (byLength.length === 0 || !plain.includes('@')) return [plain]
  const pattern = new RegExp(`(@(?:${byLength.map(escaped).join('|')}))(?![\\p{L}\\p{N}_])`, 'giu')
  return plain.split(pattern).map((part, at) =>
    at % 2 === 1 ? (
      <span key={`mention-${from}-${at}`} className="mention">
        {part}
      </span>
    ) : (
      part
    ),
  )
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
