/** Of all stories together in an ordinary run. */
const USUAL_TOTAL = 3_985

/** A failed seed is played again alone with `SEED=<it>`; it comes first then. */
export const FIRST_SEED = Number(process.env['SEED'] ?? 1)

/** With how many seeds a story is played: `usual`, or as much more as the total that a soak asks for is more. */
export function seedCount(usual: number): number {
  const total = Number(process.env['TABMESH_SEEDS'] ?? USUAL_TOTAL)
  return Math.ceil((usual * total) / USUAL_TOTAL)
}
