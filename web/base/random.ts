import { toBase32 } from './bytes.ts'

/** Chance as a port: simulations run on a seeded one. */
export interface Random {
  bytes(length: number): Uint8Array<ArrayBuffer>
  /** Uniform in [0, 1). */
  float(): number
}

/** Uniform in 0 .. bound - 1. */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor(random.float() * bound)
}

/** 26 characters of `a-z2-7`: 130 bits, for sessions, devices, datasets, jobs and signaling tokens. */
export function randomToken(random: Random): string {
  return toBase32(random.bytes(17)).slice(0, 26)
}

/** Fisher-Yates on a copy. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const copy = [...items]
  for (let i = copy.length - 1; i > 0; i--) {
    const j = randomBelow(random, i + 1)
    ;[copy[i], copy[j]] = [copy[j] as T, copy[i] as T]
  }
  return copy
}

/** sfc32 by Chris Doty-Humphrey (PractRand): 128 bits of state, so that near seeds do not run alike. Not for secrets. */
export function createSeededRandom(seed: number): Random {
  let a = seed | 0
  let b = Math.floor(seed / 0x1_0000_0000) | 0
  let c = 0x9e3779b9 | 0
  let counter = 1
  function next(): number {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 16; i++) next()
  return {
    float: () => next() / 0x1_0000_0000,
    bytes(length) {
      const bytes = new Uint8Array(length)
      for (let i = 0; i < length; i++) bytes[i] = next() & 0xff
      return bytes
    },
  }
}
