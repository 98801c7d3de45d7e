import { expect, test } from 'vitest'
import type { PeerId } from '../../../web/base/index.ts'
import { encodeMessage } from '../../../web/mesh/calls/messages.ts'
import { createLink } from '../../../web/mesh/link/link-create.ts'
import { Links } from '../../../web/mesh/links/links.ts'
import type { Membership } from '../../../web/mesh/membership/membership.ts'
import { ALICE, BOB, openPair, proven } from './link-support.ts'

const CAROL = 'c'.repeat(32) as PeerId
const DAVE = 'd'.repeat(32) as PeerId

test('MEM7 a forwarder speaks for nobody whose own link works, and for one whose link is new or quiet', async () => {
  const pair = await openPair()
  const other = await openPair({}, pair.clock)
  const heard: PeerId[] = []
  const members = [ALICE, BOB, CAROL, DAVE].map((peerId) => ({ peerId, isSelf: peerId === BOB }))
  const ignore = () => undefined
  const links = new Links({
    clock: pair.clock,
    selfId: BOB,
    membership: { members } as unknown as Membership,
    onCall: (from) => {
      heard.push(from)
    },
    onAnnouncement: ignore,
    onDown: ignore,
    openFurther: () => Promise.reject(new Error('none')),
  })
  links.add(proven(ALICE), pair.connections.bob)
  links.add(proven(CAROL), other.connections.bob)
  const alice = createLink(pair.connections.alice, proven(BOB), { clock: pair.clock })
  const frame = encodeMessage({ type: 'notify', channel: 'news', body: 1 })
  const forwarded = async () => {
    heard.length = 0
    for (const from of [CAROL, DAVE]) {
      void alice.send('control', encodeMessage({ type: 'forward', to: BOB, from, frame }))
      await pair.run(100)
    }
    return [...heard]
  }
  createLink(other.connections.alice, proven(BOB), { clock: pair.clock })
  // Carol may not have her end yet: what she sends round it was on its way.
  expect(await forwarded()).toEqual([CAROL, DAVE])
  await pair.run(6_000)
  expect(await forwarded()).toEqual([DAVE])
  // Carol's end is dead, which is not known here yet. There she goes by the name that every pair's first has.
  other.network.partition([ALICE], [BOB])
  await pair.run(3_500)
  expect(await forwarded()).toEqual([CAROL, DAVE])
})
