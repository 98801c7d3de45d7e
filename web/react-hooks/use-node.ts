import { useCallback, useSyncExternalStore } from 'react'
import type { MeshNode, NodePeer, NodeSnapshot } from '../node.ts'

const NOBODY: readonly NodePeer[] = []

/** All that the node shows; undefined while there is none. */
export function useNodeSnapshot<Node extends MeshNode | undefined>(
  node: Node,
): Node extends MeshNode ? NodeSnapshot : NodeSnapshot | undefined
export function useNodeSnapshot(node: MeshNode | undefined): NodeSnapshot | undefined {
  const subscribe = useCallback((listener: () => void) => node?.subscribe(listener) ?? ignore, [node])
  return useSyncExternalStore(subscribe, () => node?.getSnapshot())
}

/** The others of the room, linked or not. */
export function usePeers(node: MeshNode | undefined): readonly NodePeer[] {
  return useNodeSnapshot(node)?.peers ?? NOBODY
}

function ignore(): void {}
