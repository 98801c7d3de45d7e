/** What engines report of each key that an input method has taken. */
const TAKEN = 229

/**
 * The key chooses or confirms a word of an input method and is no command. Safari ends the composition before it tells of the
 * Enter that confirmed it, and some methods do elsewhere: there only the code tells.
 */
export function isOfInputMethod(event: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean {
  return event.isComposing || event.keyCode === TAKEN
}
