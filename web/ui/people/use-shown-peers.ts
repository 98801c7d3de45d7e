import type { NodePeer } from '../../node.ts'
import { useNow, useSnapshot } from '../hooks.ts'
import { useRoomState } from '../room/room-state.ts'

const LOOK_MS = 1_000

export function useShownPeers(): readonly NodePeer[] {
  const { peers } = useSnapshot()
  const { shownPeers } = useRoomState()
  useNow(LOOK_MS)
  return shownPeers(peers, Date.now())
}
