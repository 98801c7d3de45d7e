/** One place of a LIKE pattern: a character, any one character, or any run of them. */
type Place = string | typeof ONE | typeof MANY
const ONE = Symbol('one')
const MANY = Symbol('many')

/**
 * A matcher for SQL's LIKE: `%` any run, `_` any one character, all else itself, over the whole text. The escape character
 * makes `%`, `_` and itself literal; before anything else it is itself. Its time is the product of the lengths at worst:
 * after a mismatch only the last `%` is tried again (the two-pointer match of globs), so no pattern blows up.
 */
export function likeMatcher(pattern: string, escapeWith: string | undefined): (text: string) => boolean {
  const places = placesOf(pattern, escapeWith)
  return (text) => matches(places, [...text])
}

function placesOf(pattern: string, escapeWith: string | undefined): readonly Place[] {
  const characters = [...pattern]
  const places: Place[] = []
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string
    const next = characters[at + 1]
    if (character === escapeWith && (next === '%' || next === '_' || next === escapeWith)) {
      places.push(next as string)
      at++
    } else if (character === '%') {
      if (places.at(-1) !== MANY) places.push(MANY)
    } else places.push(character === '_' ? ONE : character)
  }
  return places
}

function matches(places: readonly Place[], text: readonly string[]): boolean {
  let place = 0
  let at = 0
  /** Where to go on when the rest does not fit: after the last run, one character further. */
  let runPlace = -1
  let runAt = 0
  while (at < text.length) {
    if (places[place] === MANY) {
      runPlace = ++place
      runAt = at
    } else if (place < places.length && (places[place] === ONE || places[place] === text[at])) {
      place++
      at++
    } else if (runPlace >= 0) {
      place = runPlace
      at = ++runAt
    } else return false
  }
  while (places[place] === MANY) place++
  return place === places.length
}
