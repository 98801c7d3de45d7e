import { type KeyboardEvent, type RefObject, useLayoutEffect, useRef, useState } from 'react'
import { useSnapshot } from '../hooks.ts'
import { text } from '../text.ts'
import { openMention } from './conversation.ts'

const MAX_SHOWN = 6

export interface Mentions {
  readonly names: readonly string[]
  readonly chosen: number
  /** True when the key was for the list. */
  onKeyDown(event: KeyboardEvent): boolean
  /** The caret has moved. */
  onSelect(): void
  choose(name: string): void
  aria(listId: string): Readonly<Record<string, string | boolean>>
}

/** Names of people that begin with what stands after the last `@`. */
export function useMentions(
  input: RefObject<HTMLTextAreaElement | null>,
  value: string,
  change: (next: string) => void,
): Mentions {
  const { peers } = useSnapshot()
  const [at, setAt] = useState(0)
  const [closedFor, setClosedFor] = useState<string>()
  const [caret, setCaret] = useState(0)
  const wantedCaret = useRef<number>(undefined)
  useLayoutEffect(() => {
    if (wantedCaret.current === undefined) return
    input.current?.setSelectionRange(wantedCaret.current, wantedCaret.current)
    wantedCaret.current = undefined
  }, [value])
  const open = openMention(value, Math.min(caret, value.length))
  const query = open?.query.toLowerCase() ?? ''
  const names =
    open && closedFor !== value
      ? [...new Set(peers.map(({ name }) => name))]
          .filter(
            (name) => name !== '' && name.toLowerCase().startsWith(query) && name.toLowerCase() !== query,
          )
          .slice(0, MAX_SHOWN)
      : []
  const chosen = Math.min(at, Math.max(0, names.length - 1))
  const choose = (name: string) => {
    if (!open) return
    const done = `${value.slice(0, open.at)}@${name} `
    change(done + value.slice(open.at + 1 + open.query.length))
    wantedCaret.current = done.length
    setCaret(done.length)
    setAt(0)
    input.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent): boolean => {
    const name = names[chosen]
    if (name === undefined) return false
    if (event.key === 'ArrowDown') setAt((chosen + 1) % names.length)
    else if (event.key === 'ArrowUp') setAt((chosen + names.length - 1) % names.length)
    else if (event.key === 'Enter' || event.key === 'Tab') choose(name)
    else if (event.key === 'Escape') setClosedFor(value)
    else return false
    event.preventDefault()
    return true
  }
  const aria = (listId: string) =>
    names.length === 0
      ? {}
      : {
          'aria-autocomplete': 'list',
          'aria-controls': listId,
          'aria-activedescendant': `${listId}-${chosen}`,
        }
  const onSelect = () => setCaret(input.current?.selectionStart ?? 0)
  return { names, chosen, onKeyDown, onSelect, choose, aria }
}

export function MentionList({ list, id }: { list: Mentions; id: string }) {
  if (list.names.length === 0) return null
  return (
    <div id={id} className="mentions" role="listbox" aria-label={text.chat.mention}>
      {list.names.map((name, at) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the text field has the keys for it.
        // biome-ignore lint/a11y/useFocusableInteractive: the text field keeps the focus.
        <div
          key={name}
          id={`${id}-${at}`}
          role="option"
          className="mention-option"
          aria-selected={at === list.chosen}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => list.choose(name)}
        >
          @{name}
        </div>
      ))}
    </div>
  )
}
