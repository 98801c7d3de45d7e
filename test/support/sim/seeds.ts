/** Of all stories together in an ordinary run. */
const USUAL_TOTAL = 3_985

/**
 * The seeds of a story: 1 to `usual`; a part of them where `TABMESH_SEED_PART` says so (`2/5` is the third fifth); more where a
 * soak asks for a greater total in `TABMESH_SEEDS`. A seed that failed is played alone with `SEED=<it>`.
 */
export function seedsOf(usual: number): readonly number[] {
  const one = process.env['SEED']
  if (one !== undefined) return [Number(one)]
  const total = Number(process.env['TABMESH_SEEDS'] ?? USUAL_TOTAL)
  const all = Math.ceil((usual * total) / USUAL_TOTAL)
  const [part = 0, parts = 1] = (process.env['TABMESH_SEED_PART'] ?? '0/1').split('/').map(Number)
  const size = Math.ceil(all / parts)
  return Array.from({ length: size }, (_, at) => 1 + part * size + at)
}
