import type { ReactNode } from 'react'

/** Code first, so that nothing inside it is read as a link or bold. */
const PIECES =
  /```\n?([\s\S]+?)```|`([^`\n]+)`|\*([^*\s][^*\n]*)\*|(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])/g

/** A person's plain text as nodes: `code`, ```blocks```, *bold* and http(s) links; everything else as it was typed. */
export function formatMessage(message: string): ReactNode[] {
  const nodes: ReactNode[] = []
  let end = 0
  for (const match of message.matchAll(PIECES)) {
    if (match.index > end) nodes.push(message.slice(end, match.index))
    nodes.push(pieceOf(match))
    end = match.index + match[0].length
  }
  if (end < message.length) nodes.push(message.slice(end))
  return nodes
}

function pieceOf(match: RegExpExecArray): ReactNode {
  const [, block, code, bold, link] = match
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
