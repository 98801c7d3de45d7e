import { expect, test } from 'vitest'
import { isPeerId, type PeerId } from '../../../web/base/index.ts'
import { headerWords, senderOf } from '../../../web/ui/queues/queue-messages.tsx'
import { text } from '../../../web/ui/text.ts'

const OWNER = 'q'.repeat(32) as PeerId
const SENDER = 'abcdefghijklmnopqrstuvwxyz234567' as PeerId

test('UI10: a dead letter names who sent it at first, another message its sender', () => {
  expect([isPeerId(OWNER), isPeerId(SENDER)]).toEqual([true, true])
  const id = (value: string) => ({ from: OWNER, headers: { _AMQ_ORIG_MESSAGE_ID: value } })
  expect(senderOf(id(`${SENDER}/orders/7`))).toBe(SENDER)
  expect(senderOf({ from: SENDER, headers: {} })).toBe(SENDER)
  for (const odd of ['', '/', '__proto__/x/1', 'x'.repeat(500)]) expect(senderOf(id(odd))).toBe(OWNER)
})

test('UI10: where a message was before is told in words, beside its own headers', () => {
  expect(headerWords({})).toBe('')
  const noted = { _AMQ_ORIG_ADDRESS: 'orders', _AMQ_ORIG_QUEUE: 'orders', _AMQ_ORIG_MESSAGE_ID: 'a/b/1' }
  expect(headerWords({ ...noted, shop: 'north' })).toBe(`${text.queues.wasIn('orders')} · shop: north`)
  const dead = { ...noted, _TABMESH_ATTEMPTS: 10, _TABMESH_LAST_FAILURE: 'consumer-lost' }
  expect(headerWords(dead)).toBe('was in orders · given up after 10 attempts: its consumer was lost')
  const forged = { ...dead, _TABMESH_LAST_FAILURE: '__proto__' }
  expect(headerWords(forged)).toBe('was in orders · given up after 10 attempts')
})
