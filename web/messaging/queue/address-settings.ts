import { isRecord, OptionError, option, TabmeshError } from '../../base/index.ts'
import { isPattern, Matcher } from '../pattern.ts'
import { MAX_DURATION_MS } from './queue-item.ts'
import { type RoomTable, type RoomTableKind, rowOf } from './room-table.ts'
import { checkSettings, type QueueSettings } from './settings.ts'
import { TABLE_SETTINGS } from './tables.ts'

/** What holds for the queues and topics that fit a pattern; every setting may be left to a wider one. */
export interface AddressSettings extends Partial<QueueSettings> {
  /** Messages of each topic that the room keeps for whoever subscribes later with `history`. Default 0. */
  readonly retain?: number
  /** How long it keeps them. Default 0: without end. */
  readonly retainMs?: number
}

type Row = { readonly [name: string]: string | number | boolean }

const MAX_RETAIN = 100_000

export const SETTINGS: RoomTableKind<Row> = {
  name: TABLE_SETTINGS,
  maxEntries: 200,
  isKey: isPattern,
  read: (value) => {
    try {
      return { ...checkAddressSettings(rowOf(value) as AddressSettings) } as Row
    } catch (error) {
      if (error instanceof TabmeshError) return undefined
      throw error
    }
  },
}

/** Throws an OptionError that names the setting, or a SelectorError. */
export function checkAddressSettings(given: AddressSettings): AddressSettings {
  if (!isRecord(given)) throw new OptionError('settings', given, 'are one object')
  const { retain = 0, retainMs = 0, ...queue } = given
  option.count('retain', retain, { most: MAX_RETAIN })
  option.durationMs('retainMs', retainMs, { most: MAX_DURATION_MS })
  checkSettings(queue)
  return given
}

/** The settings of the room by pattern, layered: of two patterns that fit, the more specific decides, setting by setting. */
export class LayeredSettings {
  readonly table: RoomTable<Row>
  #layers: readonly { readonly matcher: Matcher; readonly settings: AddressSettings }[] | undefined

  constructor(table: RoomTable<Row>) {
    this.table = table
    table.onChange(() => {
      this.#layers = undefined
    })
  }

  of(address: string): AddressSettings {
    this.#layers ??= [...this.table.all()]
      .sort(([a], [b]) => comparePatterns(a, b))
      .map(([pattern, settings]) => ({ matcher: new Matcher(pattern), settings }))
    const fitting = this.#layers.filter(({ matcher }) => matcher.matches(address))
    return Object.assign({}, ...fitting.map(({ settings }) => settings)) as AddressSettings
  }

  queueSettingsOf(address: string): Partial<QueueSettings> {
    const { retain: _, retainMs: __, ...settings } = this.of(address)
    return settings
  }
}

/** The wider first. Artemis' order: word by word from the left, `#` is wider than `*`, `*` than a word. */
export function comparePatterns(a: string, b: string): number {
  const [wordsA, wordsB] = [a.split('.'), b.split('.')]
  for (let at = 0; at < Math.max(wordsA.length, wordsB.length); at++) {
    const difference = rankOf(wordsA[at]) - rankOf(wordsB[at])
    if (difference !== 0) return difference
  }
  return a < b ? -1 : 1
}

function rankOf(word: string | undefined): number {
  if (word === '#') return 0
  if (word === '*') return 1
  return word === undefined ? 2 : 3
}
