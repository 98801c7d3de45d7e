import { createSeededRandom } from '../../../web/base/index.ts'

/** Takes back what was planted. */
export type Uproot = () => void

/**
 * Every object of a class has `make(its own method)` instead of its method, until it is taken back: a fault of the product
 * that only a test has.
 */
export function plant<T extends object, K extends keyof T & string>(
  of: { readonly prototype: T },
  name: K,
  make: (sound: T[K]) => T[K],
): Uproot {
  const { prototype } = of
  const sound = prototype[name]
  prototype[name] = make(sound)
  return () => {
    prototype[name] = sound
  }
}

/** True at one call in `n`, by the seed. */
export function oneIn(n: number, seed: number): () => boolean {
  const random = createSeededRandom(seed)
  return () => random.float() * n < 1
}
