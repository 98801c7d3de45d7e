/** What the guest makes a task's output with. */
const HOLDERS: readonly (readonly [string, object])[] = [
  ['Array.prototype', Array.prototype],
  ['Map.prototype', Map.prototype],
  ['Set.prototype', Set.prototype],
  ['String.prototype', String.prototype],
  ['typed arrays', Object.getPrototypeOf(Uint8Array.prototype)],
  ['DataView.prototype', DataView.prototype],
  ['TextEncoder.prototype', TextEncoder.prototype],
  ['TextDecoder.prototype', TextDecoder.prototype],
  ['Promise.prototype', Promise.prototype],
  ['Object', Object],
  ['Array', Array],
  ['Number', Number],
  ['array iterators', Object.getPrototypeOf([].values())],
  ['map iterators', Object.getPrototypeOf(new Map().entries())],
]
const read = Reflect.get

/**
 * The built-ins that a result goes through. A task that has replaced one may have lost records on the way, so what it gives
 * is no result.
 */
export class GuestBuiltins {
  readonly #names: string[] = []
  readonly #holders: object[] = []
  readonly #keys: PropertyKey[] = []
  readonly #values: unknown[] = []

  /** Takes them as they are now. */
  constructor() {
    for (const [name, holder] of HOLDERS) {
      for (const key of Reflect.ownKeys(holder)) {
        const value = Object.getOwnPropertyDescriptor(holder, key)?.value
        if (typeof value !== 'function') continue
        this.#names.push(`${String(key)} of ${name}`)
        this.#holders.push(holder)
        this.#keys.push(key)
        this.#values.push(value)
      }
    }
  }

  /** The name of one that is not what it was. */
  findReplaced(): string | undefined {
    for (let i = 0; i < this.#values.length; i++) {
      if (read(this.#holders[i] as object, this.#keys[i] as PropertyKey) !== this.#values[i])
        return this.#names[i]
    }
    return undefined
  }
}
