import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks a second in `/proc`: 100 on every Linux that Node runs on. */
const TICKS = 100

/** Processor seconds that the descendants of `pid` have used so far. Linux only. */
export function cpuSecondsOfDescendants(pid: number): number {
  const parents = new Map<number, { readonly parent: number; readonly ticks: number }>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined
    if (stat) parents.set(Number(name), stat)
  }
  const isDescendant = (candidate: number): boolean => {
    const parent = parents.get(candidate)?.parent
    return parent !== undefined && parent !== 0 && (parent === pid || isDescendant(parent))
  }
  let ticks = 0
  for (const [candidate, stat] of parents) if (isDescendant(candidate)) ticks += stat.ticks
  return ticks / TICKS
}

function readStat(pid: number): { parent: number; ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
  } catch {
    // It ended between the listing and the reading.
    return undefined
  }
}
