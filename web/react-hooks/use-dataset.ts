import type { DatasetInfo, MeshNode } from '../node.ts'
import { useNodeSnapshot } from './use-node.ts'

const NONE: readonly DatasetInfo[] = []

/** The datasets of the room. */
export function useDatasets(node: MeshNode | undefined): readonly DatasetInfo[] {
  return useNodeSnapshot(node)?.datasets ?? NONE
}

/** One of them; undefined while the room has none of that name. */
export function useDataset(node: MeshNode | undefined, name: string): DatasetInfo | undefined {
  return useDatasets(node).find((dataset) => dataset.name === name)
}
