/** Each knot of names that lead to each other, once, as its shortest circle: `cycle: a -> b`, the first by name in front. */
export function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set<string>()
  const told = new Set<string>()
  for (const name of [...graph.keys()].sort()) {
    if (told.has(name)) continue
    const circle = circleFrom(graph, name)
    if (!circle) continue
    found.add(`cycle: ${circle.join(' -> ')}`)
    const after = reachedFrom(graph, name)
    for (const other of after) if (reachedFrom(graph, other).has(name)) told.add(other)
  }
  return [...found]
}

/** The shortest way from a name back to it. */
function circleFrom(graph: ReadonlyMap<string, readonly string[]>, start: string): string[] | undefined {
  const ways = [[start]]
  const seen = new Set<string>()
  for (const way of ways) {
    for (const next of graph.get(way.at(-1) ?? '') ?? []) {
      if (next === start) return way
      if (!seen.has(next)) ways.push([...way, next])
      seen.add(next)
    }
  }
  return undefined
}

function reachedFrom(graph: ReadonlyMap<string, readonly string[]>, start: string): ReadonlySet<string> {
  const reached = new Set<string>(graph.get(start))
  for (const name of reached) for (const next of graph.get(name) ?? []) reached.add(next)
  return reached
}
