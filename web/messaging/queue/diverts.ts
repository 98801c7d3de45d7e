import { isPattern, isTopicName, Matcher } from '../pattern.ts'
import type { Selector, SelectorSubject } from '../selector/index.ts'
import { isSelector } from './bindings.ts'
import { type RoomTable, type RoomTableKind, rowOf } from './room-table.ts'
import { selectorOf } from './subject.ts'
import { TABLE_DIVERTS } from './tables.ts'

/** A turning, by its name: what is sent or published to an address that fits goes to another queue, too or instead. */
export interface Divert {
  readonly [field: string]: string | boolean
  /** A pattern of addresses. */
  readonly from: string
  /** A queue. */
  readonly to: string
  /** Instead: the address itself, and diverts that are not exclusive, do not get it. */
  readonly exclusive: boolean
  /** '' for all. */
  readonly selector: string
}

export const DIVERTS: RoomTableKind<Divert> = {
  name: TABLE_DIVERTS,
  maxEntries: 200,
  isKey: isTopicName,
  read: readDivert,
}

interface Turning {
  readonly divert: Divert
  readonly matcher: Matcher
  readonly selector: Selector | undefined
}

export class Diverts {
  #all: readonly Turning[] | undefined
  readonly #table: RoomTable<Divert>

  constructor(table: RoomTable<Divert>) {
    this.#table = table
    table.onChange(() => {
      this.#all = undefined
    })
  }

  /** The queues that a message of this address goes to besides, or instead of, its own. */
  of(
    address: string,
    subject: SelectorSubject,
  ): { readonly queues: readonly string[]; readonly isExclusive: boolean } {
    this.#all ??= [...this.#table.all()].map(([, divert]) => ({
      divert,
      matcher: new Matcher(divert.from),
      selector: selectorOf(divert.selector),
    }))
    const wanting = this.#all.filter(
      ({ matcher, selector }) => matcher.matches(address) && (!selector || selector.matches(subject)),
    )
    const exclusive = wanting.filter(({ divert }) => divert.exclusive)
    const chosen = exclusive.length > 0 ? exclusive : wanting
    const queues = [...new Set(chosen.map(({ divert }) => divert.to))].filter((queue) => queue !== address)
    return { queues, isExclusive: exclusive.length > 0 && queues.length > 0 }
  }
}

function readDivert(value: unknown): Divert | undefined {
  const { from, to, exclusive, selector } = rowOf(value)
  if (!isPattern(from) || !isTopicName(to) || typeof exclusive !== 'boolean' || !isSelector(selector))
    return undefined
  return { from, to, exclusive, selector }
}
