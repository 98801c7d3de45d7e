import { expect, test } from 'vitest'
import type { NodePeer } from '../../../web/node.ts'
import { createShownPeers } from '../../../web/ui/people/shown-peers.ts'

const peer = (peerId: string, state: NodePeer['state']) => ({ peerId, state }) as NodePeer

test('UI19: who was linked is gone 10 s after the link, who was never reached stays, who comes back is there', () => {
  const shown = createShownPeers()
  const names = (peers: readonly NodePeer[], now: number) => shown(peers, now).map(({ peerId }) => peerId)
  const gone = [peer('was', 'lost'), peer('never', 'lost'), peer('new', 'connecting')]
  expect(names([peer('was', 'direct'), peer('never', 'lost')], 1_000)).toEqual(['was', 'never'])
  expect(names(gone, 10_900)).toEqual(['was', 'never', 'new'])
  expect(names(gone, 11_000)).toEqual(['never', 'new'])
  expect(names([peer('was', 'connecting')], 12_000)).toEqual([])
  expect(names([peer('was', 'forwarded')], 13_000)).toEqual(['was'])
})
