/** Code points of what a person is called. */
export const MAX_NAME_CHARACTERS = 64

/** Joiners, variation selectors and tags: unseen, and with a meaning behind a visible character. */
const BINDER = String.raw`\p{Join_Control}\p{Variation_Selector}\u{e0020}-\u{e007f}`
const SPACES = /[\t-\r\u0085\p{Z}]+/gu
/** What has no width of its own, changes the direction of what follows, or is a blank that does not look like one. */
const UNSEEN = new RegExp(String.raw`[\p{Cc}\p{Cs}\u2800]|(?![${BINDER}])[\p{Cf}\p{DI}]`, 'gu')
const STRAY_BINDERS = new RegExp(
  String.raw`(?<=^|[\s\p{Join_Control}])[${BINDER}]+|\p{Join_Control}+(?=\s|$)`,
  'gu',
)
const BLANK_END = /[\s\p{Join_Control}]+$/u
const SEEN = new RegExp(String.raw`[^\s\p{M}${BINDER}]`, 'u')
const ALIKE = new RegExp(String.raw`[\s${BINDER}]`, 'gu')
/** More marks on one letter than any script stacks climb over the lines above. */
const STACKED_MARKS = /(\p{M}{4})\p{M}+/gu

/**
 * A name that people gave to themselves or to a file, fit to be shown beside others: in whole characters, on one line, without
 * what cannot be seen or turns the text around, at most `most` code points. Empty when nothing of it can be seen.
 */
export function visibleName(text: string, most: number = MAX_NAME_CHARACTERS): string {
  // Long ones are cut before they are looked at, so that a name costs what a name may.
  const seen = text
    .slice(0, 4 * most)
    .replace(SPACES, ' ')
    .replace(UNSEEN, '')
    .replace(STACKED_MARKS, '$1')
    .replace(STRAY_BINDERS, '')
    .replace(SPACES, ' ')
    .trim()
  const cut = [...seen].slice(0, most).join('').replace(BLANK_END, '')
  return SEEN.test(cut) ? cut : ''
}

/** Two names with one of these look alike: case, width, accents’ form and spaces make no difference. */
export function nameLikeness(name: string): string {
  return visibleName(name, 256).normalize('NFKC').toLowerCase().replace(ALIKE, '')
}
