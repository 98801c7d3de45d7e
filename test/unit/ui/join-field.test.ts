import { expect, test } from 'vitest'
import { MAX_INVITE_TEXT_CHARACTERS } from '../../../web/base/index.ts'
import { encodeInvite, readInvite } from '../../../web/mesh/index.ts'
import { inviteHash } from '../../../web/ui/home/join-field.tsx'

const PAGE = 'https://mesh.example/#'
const code = encodeInvite(PAGE, new Uint8Array(32).fill(7)).slice(PAGE.length)

test('UI1: the field gives the address as much of a message as an invite is read from', () => {
  const room = MAX_INVITE_TEXT_CHARACTERS - PAGE.length - code.length
  for (const length of [0, 4_096, room]) {
    const hash = inviteHash('.'.repeat(length) + code)
    expect(readInvite(PAGE + hash).code).toBe(code)
  }
})

test('UI1: half a character in the field is no error, and what has no code in it is none', () => {
  expect(inviteHash(`\ud800${code}`)).toBe(encodeURIComponent(`\ufffd${code}`))
  expect(inviteHash('hello')).toBeUndefined()
})
