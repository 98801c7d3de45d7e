import type { BenchContext } from './harness.ts'

/** What a figure must reach: a ratio of ours to theirs of at least, or at most, this. */
export type Bar = { readonly atLeast: number } | { readonly atMost: number }

export interface FigureSpec {
  readonly bench: string
  readonly against: string
  readonly unit: string
  readonly bar: Bar
}

/** One measured value of each side for each round, in the same order. */
export interface Rounds {
  readonly ours: readonly number[]
  readonly theirs: readonly number[]
}

/** One file of `test/bench`: what it measures and how. */
export interface Bench {
  /** `npm run bench <name>` also runs every bench whose name starts with `<name>.` */
  readonly name: string
  readonly figures: readonly FigureSpec[]
  /** Measures and hands every figure of {@link figures} to `context.report`. */
  run(context: BenchContext): Promise<void>
}

export interface Figure extends FigureSpec {
  readonly ours: number
  readonly theirs: number
  readonly ratio: number
  readonly min: number
  readonly max: number
  readonly rounds: number
  readonly pass: boolean
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** Nearest rank for any share but one half; the middle or the mean of the two middle ones for that. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  if (sorted.length === 0) throw new RangeError('no values')
  if (share === 0.5 && sorted.length % 2 === 0) {
    return ((sorted[sorted.length / 2 - 1] as number) + (sorted[sorted.length / 2] as number)) / 2
  }
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] as number
}

/** The median of the rounds' ratios, which is steadier here than the ratio of medians: both sides of a round share its noise. */
export function figureOf(spec: FigureSpec, rounds: Rounds): Figure {
  const ratios = rounds.ours.map((value, round) => value / (rounds.theirs[round] as number))
  const ratio = median(ratios)
  return {
    ...spec,
    ours: median(rounds.ours),
    theirs: median(rounds.theirs),
    ratio,
    min: Math.min(...ratios),
    max: Math.max(...ratios),
    rounds: ratios.length,
    pass: 'atLeast' in spec.bar ? ratio >= spec.bar.atLeast : ratio <= spec.bar.atMost,
  }
}
