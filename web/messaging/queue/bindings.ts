import { isPattern, isTopicName, Matcher } from '../pattern.ts'
import { compileSelector, type Selector, SelectorError } from '../selector/index.ts'
import { type RoomTable, type RoomTableKind, rowOf } from './room-table.ts'
import { selectorOf } from './subject.ts'
import { TABLE_BINDINGS } from './tables.ts'

/** A durable subscription, by its name: what is published to a topic that fits goes to its queue, whoever is here. */
export interface Binding {
  readonly [field: string]: string
  readonly pattern: string
  /** '' for all. */
  readonly selector: string
}

export const BINDINGS: RoomTableKind<Binding> = {
  name: TABLE_BINDINGS,
  maxEntries: 500,
  isKey: isTopicName,
  read: (value) => {
    const { pattern, selector } = rowOf(value)
    return isPattern(pattern) && isSelector(selector) ? { pattern, selector } : undefined
  },
}

interface Route {
  readonly name: string
  readonly matcher: Matcher
  readonly selector: Selector | undefined
}

/** Which durable subscriptions want a topic's messages. */
export class Routes {
  #all: readonly Route[] | undefined
  readonly #table: RoomTable<Binding>

  constructor(table: RoomTable<Binding>) {
    this.#table = table
    table.onChange(() => {
      this.#all = undefined
    })
  }

  /** Their names and what they choose. */
  *matching(topic: string): Generator<Route, void, undefined> {
    this.#all ??= [...this.#table.all()].map(([name, { pattern, selector }]) => ({
      name,
      matcher: new Matcher(pattern),
      selector: selectorOf(selector),
    }))
    for (const route of this.#all) if (route.matcher.matches(topic)) yield route
  }
}

/** '' or a selector that compiles. */
export function isSelector(text: unknown): text is string {
  if (typeof text !== 'string') return false
  if (text === '') return true
  try {
    compileSelector(text)
    return true
  } catch (error) {
    if (error instanceof SelectorError) return false
    throw error
  }
}
