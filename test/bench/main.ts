import type { Bench } from './bench.ts'
import { Harness } from './harness.ts'
import { writeResults } from './results.ts'

/** Each file exports `benches`. */
const FILES = ['link', 'topic', 'queue', 'file', 'job', 'ingest', 'signaling', 'wan'] as const

/**
 * Runs the benches that `names` name (`link` stands for `link.bulk` and all others of that name; all without names).
 * Returns the exit code: 1 when a bench broke or a bar was missed.
 */
export async function main(names: readonly string[]): Promise<number> {
  const known = await loadBenches()
  const chosen = known.filter((bench) => names.length === 0 || names.some((name) => isNamed(bench, name)))
  const unknown = names.filter((name) => !known.some((bench) => isNamed(bench, name)))
  if (unknown.length > 0) {
    console.error(
      `There is no bench ${unknown.join(', ')}. There are: ${known.map((bench) => bench.name).join(', ')}.`,
    )
    return 2
  }
  const harness = new Harness()
  await harness.start()
  let isBroken = false
  try {
    for (const bench of chosen) isBroken = !(await runOne(bench, harness)) || isBroken
  } finally {
    await harness.close()
  }
  await writeResults(harness.figures, harness.browserVersion)
  return isBroken || harness.figures.some((figure) => !figure.pass) ? 1 : 0
}

/** False when it threw; the others still run. */
async function runOne(bench: Bench, harness: Harness): Promise<boolean> {
  harness.say(bench.name)
  const startedMs = performance.now()
  try {
    await bench.run(harness)
    return true
  } catch (error) {
    console.error(`${bench.name} failed:`, error)
    return false
  } finally {
    await harness.closePages()
    harness.say(`  ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  }
}

async function loadBenches(): Promise<Bench[]> {
  const loaded: Bench[] = []
  for (const file of FILES) {
    const module: { benches: readonly Bench[] } = await import(`./${file}.ts`)
    loaded.push(...module.benches)
  }
  return loaded
}

function isNamed(bench: Bench, name: string): boolean {
  return bench.name === name || bench.name.startsWith(`${name}.`)
}
