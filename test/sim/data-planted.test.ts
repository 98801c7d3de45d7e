import { describe, expect, test } from 'vitest'
import type { Crypto } from '../../web/base/index.ts'
import type { Room } from '../../web/mesh/index.ts'
import type { Store, StoreWrite } from '../../web/storage/index.ts'
import type { Value } from '../../web/wire/index.ts'
import type { SimTab } from '../support/sim/index.ts'
import { proxy, withRequest, withServe } from '../support/sim/taps.ts'
import type { DataSabotage } from './data-room.ts'
import { DataStory } from './data-story.ts'

/** In how many seeds a fault must be found. */
const SEEDS = 200

const SHARDS = 'data.shards'
const MANIFESTS = 'data.manifests'

/** A fault of every tab, and the words of what the checker must find. */
interface Planted {
  readonly what: string
  readonly sabotage: DataSabotage
  readonly found: RegExp
}

const PLANTED: readonly Planted[] = [
  {
    what: 'SHD9 a shard that is not repaired',
    sabotage: {
      room: (room) =>
        withRequest(room, (to, method, body, send) => {
          const isLeftOut = method === 'data.get' && String(body).startsWith('0')
          return isLeftOut ? Promise.reject(new Error('not asked')) : send(to, method, body)
        }),
    },
    found: /has \d of \d copies|cannot be read/,
  },
  {
    what: 'SHD9 a holder that is believed though it holds nothing',
    sabotage: { room: claimsAll },
    found: /has \d of \d copies/,
  },
  {
    what: 'SHD10 a copy that goes while it is counted',
    sabotage: { store: losesCopies },
    found: /has \d of \d copies/,
  },
  {
    what: 'SHD12 a hash that is not checked',
    sabotage: {
      crypto: believesBeginnings,
      room: (room) => withServe(room, (method, answer) => (method === 'data.get' ? damaged(answer) : answer)),
    },
    found: /is bad|other bytes/,
  },
  {
    what: 'SHD8 a tombstone that is forgotten',
    sabotage: { store: forgetsDrops, room: tellsNoDrops },
    found: /lists/,
  },
  {
    what: 'SHD4 an add that resolves before its copies are on a disk',
    sabotage: {
      store: (store, tab) =>
        withWrites(store, async (writes, write) => {
          if (!writes.some(({ table }) => table === SHARDS)) return write(writes)
          tab.clock.after(3_000, () => void write(writes).catch(() => undefined))
        }),
    },
    found: /on 0 of \d disks/,
  },
  {
    what: 'SHD4 an add that resolves a copy too early',
    sabotage: { room: answersEarly },
    found: /on 1 of [23] disks/,
  },
  {
    what: 'SHD4 a dataset that not everybody hears of',
    sabotage: {
      room: (room) =>
        withRequest(room, (to, method, body, send) =>
          method === 'data.pull' ? Promise.resolve([]) : send(to, method, body),
        ),
    },
    found: /lists/,
  },
  {
    what: 'SHD5 shards that nobody has and nobody removes',
    sabotage: {
      store: (store) =>
        withWrites(store, (writes, write) =>
          write(writes.filter((one) => one.table !== SHARDS || !('remove' in one))),
        ),
    },
    found: /orphans/,
  },
]

describe('the checkers of datasets find what is planted', () => {
  for (const { what, sabotage, found } of PLANTED) {
    test(what, async () => {
      const failures: string[] = []
      for (let seed = 1; seed <= SEEDS && failures.length === 0; seed++) {
        const failure = await failureOf(seed, sabotage)
        if (failure === undefined) continue
        expect(failure).toMatch(found)
        expect(await failureOf(seed, {}), 'the same seed without the fault').toBeUndefined()
        failures.push(failure)
      }
      expect(failures.length).toBe(1)
    }, 120_000)
  }
})

/** Undefined when all is as it should be. */
async function failureOf(seed: number, sabotage: DataSabotage): Promise<string | undefined> {
  const story = new DataStory(seed, sabotage)
  try {
    await story.play()
    await story.check()
    return undefined
  } catch (error) {
    return String(error)
  }
}

function withWrites(
  store: Store,
  instead: (
    writes: readonly StoreWrite[],
    write: (writes: readonly StoreWrite[]) => Promise<void>,
  ) => Promise<void>,
): Store {
  return proxy(store, {
    write: (writes, durability) => instead(writes, (rest) => store.write(rest, durability)),
  })
}

/** A shard that is put is said to be stored while it is on its way, and its dataset's first bitmap says so too. */
function answersEarly(room: Room, { clock }: SimTab): Room {
  return withRequest(room, async (to, method, body, send) => {
    if (method === 'data.announce') {
      const bits = await send(to, method, body)
      return bits instanceof Uint8Array ? bits.map(() => 255) : new Uint8Array(bits as ArrayBuffer).fill(255)
    }
    if (method !== 'data.put') return send(to, method, body)
    clock.after(3_000, () => void send(to, method, body).catch(() => undefined))
    return true
  })
}

/** Every bitmap of holdings says that all is there. */
function claimsAll(room: Room): Room {
  return proxy(room, {
    notify: (to, channel, body, ...rest) => {
      if (channel !== 'data.holdings') return room.notify(to, channel, body, ...rest)
      const told = body as unknown as { sets: readonly [string, Uint8Array][] }
      const sets = told.sets.map(([id, bits]) => [id, bits.map(() => 255)])
      return room.notify(to, channel, { ...told, sets } as unknown as Value, ...rest)
    },
  })
}

/** One shard in eight goes ten seconds after it was written, unseen by its own tab. */
function losesCopies(store: Store, { clock }: Parameters<NonNullable<DataSabotage['store']>>[1]): Store {
  return withWrites(store, async (writes, write) => {
    await write(writes)
    const gone = writes.flatMap((one): StoreWrite[] => {
      const isLost = one.table === SHARDS && 'value' in one && /^[01]/.test(String(one.key))
      return isLost ? [{ table: one.table, key: one.key, remove: true }] : []
    })
    if (gone.length > 0) clock.after(10_000, () => void write(gone).catch(() => undefined))
  })
}

/** By length and beginning, of all tabs: the shards of no two seeds are alike. */
const known = new Map<string, Promise<Uint8Array<ArrayBuffer>>>()

/** Whatever has a known length and beginning is taken for what it looks like. */
function believesBeginnings(crypto: Crypto): Crypto {
  return proxy(crypto, {
    sha256: (bytes) => {
      const key = `${bytes.byteLength} ${bytes.subarray(0, 64).join()}`
      const hash = known.get(key) ?? (crypto.sha256(bytes) as Promise<Uint8Array<ArrayBuffer>>)
      known.set(key, hash)
      return hash
    },
  })
}

function damaged(answer: Value): Value {
  const bytes = new Uint8Array(answer as ArrayBuffer).slice()
  bytes[bytes.byteLength - 1] = 0
  return bytes.buffer
}

function forgetsDrops(store: Store): Store {
  return withWrites(store, (writes, write) =>
    write(
      writes.map((one): StoreWrite => {
        const isDrop = one.table === MANIFESTS && 'value' in one && 'dropped' in Object(one.value)
        return isDrop ? { table: one.table, key: one.key, remove: true } : one
      }),
    ),
  )
}

function tellsNoDrops(room: Room): Room {
  return proxy(room, {
    notify: (to, channel, body, ...rest) => {
      const isDigest = channel === 'data.digest'
      const told = isDigest ? (body as unknown as [string, boolean][]).filter(([, isGone]) => !isGone) : body
      return room.notify(to, channel, told as Value, ...rest)
    },
  })
}
