interface Known {
  readonly object: object
  readonly prototype: object | null
  readonly keys: readonly PropertyKey[]
  readonly properties: readonly (PropertyDescriptor | undefined)[]
}

// User code may replace them; the check must not believe its replacements.
const { ownKeys, getOwnPropertyDescriptor: propertyOf, getPrototypeOf: prototypeOf } = Reflect
const { is: isSame, freeze } = Object
const PLAIN_FUNCTION_KEYS = 2

/**
 * What a task finds in its realm: the global object and everything that the language hangs on it. Built-in functions with
 * nothing of their own are frozen (nobody inherits from them); of all else it is known how it was.
 */
export class GuestRealm {
  readonly #known: Known[] = []
  readonly #seen = new Set<unknown>()

  /** Takes the realm as it is now. */
  constructor() {
    // Firefox makes some globals when they are first looked at, and lists them in another order from then on.
    for (const key of ownKeys(globalThis)) propertyOf(globalThis, key)
    this.#walk([globalThis, ...unnamedIntrinsics()])
  }

  /** Of a job's function it is known from now on how it is; it is not frozen, since its author may write to it. */
  include(made: object): void {
    if (this.#seen.has(made)) return
    this.#seen.add(made)
    this.#walk(this.#take(made, ownKeys(made)))
  }

  /** False when something was added, replaced or taken away since. */
  isAsItWas(): boolean {
    const known = this.#known
    for (let i = 0; i < known.length; i++) if (!isUnchanged(known[i] as Known)) return false
    return true
  }

  #walk(waiting: unknown[]): void {
    const seen = this.#seen
    for (let object = waiting.pop(); object !== undefined; object = waiting.pop()) {
      if (!isObject(object) || seen.has(object)) continue
      seen.add(object)
      const keys = ownKeys(object)
      if (typeof object === 'function' && keys.length <= PLAIN_FUNCTION_KEYS) {
        freeze(object)
        const prototype = prototypeOf(object)
        if (prototype) waiting.push(prototype)
      } else for (const next of this.#take(object, keys)) waiting.push(next)
    }
  }

  /** Remembers one object. Returns what it leads to. */
  #take(object: object, keys: readonly PropertyKey[]): object[] {
    const prototype = prototypeOf(object)
    const properties: (PropertyDescriptor | undefined)[] = []
    const next: object[] = prototype ? [prototype] : []
    for (let i = 0; i < keys.length; i++) {
      const property = propertyOf(object, keys[i] as PropertyKey)
      properties.push(property)
      if (isObject(property?.value)) next.push(property.value)
      if (property?.get) next.push(property.get)
      if (property?.set) next.push(property.set)
    }
    this.#known.push({ object, prototype, keys, properties })
    return next
  }
}

function isUnchanged({ object, prototype, keys, properties }: Known): boolean {
  const now = ownKeys(object)
  if (now.length !== keys.length || prototypeOf(object) !== prototype) return false
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as PropertyKey
    if (now[i] !== key) return false
    const before = properties[i]
    const after = propertyOf(object, key)
    if (!isSame(after?.value, before?.value) || after?.get !== before?.get || after?.set !== before?.set)
      return false
  }
  return true
}

/** What no global leads to. */
function unnamedIntrinsics(): unknown[] {
  return [
    function* () {},
    async () => {},
    async function* () {},
    [].values(),
    ''[Symbol.iterator](),
    new Map().entries(),
    new Set().values(),
    ''.matchAll(/x/g),
  ]
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
