import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRoomId, toHex } from '../../../web/base/index.ts'
import { decodeInvite, deriveRoom, encodeInvite, InviteError } from '../../../web/mesh/index.ts'
import { nodeCrypto } from '../../support/sim/index.ts'

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 })
const BASE = 'https://mesh.example/room/'

describe('room secret and invite', () => {
  test('INV1: an invite gives back its secret, whole or as a fragment, also in capitals and with spaces round it', () => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const invite = encodeInvite(`${BASE}#old`, secret)
        expect(invite.startsWith(`${BASE}#`)).toBe(true)
        const fragment = invite.slice(invite.indexOf('#'))
        for (const text of [invite, fragment, fragment.slice(1), ` ${invite}\n`, fragment.toUpperCase()]) {
          expect(decodeInvite(text)).toEqual(secret)
        }
      }),
    )
  })

  test('INV2: one wrong character or a missing one is found before a room is joined', () => {
    const invite = encodeInvite(BASE, new Uint8Array(32).fill(7))
    for (let at = BASE.length + 1; at < invite.length; at++) {
      const other = invite[at] === 'a' ? 'b' : 'a'
      expect(() => decodeInvite(invite.slice(0, at) + other + invite.slice(at + 1)), `at ${at}`).toThrow(
        InviteError,
      )
      expect(() => decodeInvite(invite.slice(0, at) + invite.slice(at + 1))).toThrow(InviteError)
    }
  })

  test('INV2: any other text is no invite', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeInvite(text)).toThrow(InviteError)
      }),
    )
  })

  test('INV2: an invite has one form: padding bits that are not 0 are a mistake', () => {
    const invite = encodeInvite(BASE, new Uint8Array(32).fill(7))
    const last = invite.at(-1) as string
    const digits = 'abcdefghijklmnopqrstuvwxyz234567'
    const taken = [...digits].filter((digit) => {
      try {
        return decodeInvite(invite.slice(0, -1) + digit).length === 32
      } catch {
        return false
      }
    })
    expect(taken).toEqual([last])
  })

  test('INV3: the room id tells neither the secret nor the proof key, and is fixed for all versions', async () => {
    const { roomId, proofKey } = await deriveRoom(nodeCrypto, new Uint8Array(32).fill(7))
    expect(isRoomId(roomId)).toBe(true)
    expect([roomId, toHex(proofKey)]).toEqual(PINNED)
    await expect(deriveRoom(nodeCrypto, new Uint8Array(31))).rejects.toThrow(RangeError)
  })
})

const PINNED = [
  'd2xlei56uf4zoeusso3w6dzpmjfoay77',
  'dfc53764d47b224cbd14263df692fc057ec2c7324b8e220d5ff78e571f537054',
]
