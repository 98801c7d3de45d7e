import { option } from '../base/index.ts'
import { checkPattern, Matcher } from './pattern.ts'

/** What holds for the topics that fit a pattern. Of several that fit, the last one in the list decides. */
export interface DestinationSettings {
  readonly pattern: string
  /** Messages that are kept of each topic; 0 keeps none. */
  readonly history: number
}

/** A thousand lines of talk, and nothing of anything else. */
export const DEFAULT_DESTINATIONS: readonly DestinationSettings[] = [{ pattern: 'chat.#', history: 1_000 }]
const MAX_HISTORY = 10_000
const MAX_REMEMBERED = 4096

export class Destinations {
  readonly #settings: readonly { readonly matcher: Matcher; readonly history: number }[]
  readonly #known = new Map<string, number>()

  /** Throws a MessagingError `bad-name` or an OptionError. */
  constructor(settings: readonly DestinationSettings[]) {
    this.#settings = settings.map(({ pattern, history }) => {
      checkPattern(pattern)
      option.count(`history of ${pattern}`, history, { most: MAX_HISTORY })
      return { matcher: new Matcher(pattern), history }
    })
  }

  historyOf(topic: string): number {
    const known = this.#known.get(topic)
    if (known !== undefined) return known
    const history = this.#settings.findLast(({ matcher }) => matcher.matches(topic))?.history ?? 0
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear()
    this.#known.set(topic, history)
    return history
  }
}
