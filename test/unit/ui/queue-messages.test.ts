import { expect, test } from 'vitest'
import { isPeerId, type PeerId } from '../../../web/base/index.ts'
import { senderOf } from '../../../web/ui/queues/queue-messages.tsx'

const OWNER = 'q'.repeat(32) as PeerId
const SENDER = 'abcdefghijklmnopqrstuvwxyz234567' as PeerId

test('UI10: a dead letter names who sent it at first, another message its sender', () => {
  expect([isPeerId(OWNER), isPeerId(SENDER)]).toEqual([true, true])
  const id = (value: string) => ({ from: OWNER, headers: { _AMQ_ORIG_MESSAGE_ID: value } })
  expect(senderOf(id(`${SENDER}/orders/7`))).toBe(SENDER)
  expect(senderOf({ from: SENDER, headers: {} })).toBe(SENDER)
  for (const odd of ['', '/', '__proto__/x/1', 'x'.repeat(500)]) expect(senderOf(id(odd))).toBe(OWNER)
})
