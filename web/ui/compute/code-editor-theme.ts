import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import type { Extension } from '@codemirror/state'
import { tags } from '@lezer/highlight'

/** Colours come from the page's own properties, so the editor follows the theme. */
export const pageColours: Extension = syntaxHighlighting(
  HighlightStyle.define([
    { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: 'var(--task-reduce)' },
    { tag: [tags.string, tags.regexp, tags.special(tags.string)], color: 'var(--code-string)' },
    { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-number)' },
    { tag: [tags.definition(tags.variableName), tags.function(tags.variableName)], color: 'var(--accent)' },
    { tag: [tags.comment], color: 'var(--muted)', fontStyle: 'italic' },
    { tag: [tags.invalid], color: 'var(--danger)' },
  ]),
)
