import type { CSSProperties } from 'react'
import type { Person } from '../people/directory.ts'

/** A peer's colour, to be used by the classes that draw marks. */
export function hueStyle(hue: number): CSSProperties {
  return { '--hue': hue } as CSSProperties
}

/** Decoration beside a name that is written out. */
export function Avatar({ person, size = 'medium' }: { person: Person; size?: 'small' | 'medium' }) {
  return (
    <span className={`avatar avatar-${size}`} style={hueStyle(person.hue)} aria-hidden="true">
      {initials(person.name)}
    </span>
  )
}

function initials(name: string): string {
  const words = name
    .replace(/ · \w{4}$/, '')
    .replaceAll(/[\u2068\u2069]/g, '')
    .trim()
    .split(/\s+/)
  const letters =
    words.length > 1
      ? [words[0], words.at(-1)].map((word) => firstLetter(word ?? ''))
      : [firstLetter(words[0] ?? '')]
  return letters.join('').toUpperCase()
}

function firstLetter(word: string): string {
  return [...word][0] ?? '?'
}
