import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { indexOf, readFingerprint, readSignaling } from '../../../web/mesh/peerjs/peerjs-screen.ts'

const HASH = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, '0').toUpperCase()).join(':')
const LINE = `a=fingerprint:sha-256 ${HASH}`
const SDP = `v=0\r\n${LINE}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n`

function offer(payload: Record<string, unknown>): unknown {
  const sdp = { type: 'offer', sdp: SDP }
  return {
    type: 'OFFER',
    src: 'alice',
    payload: { type: 'data', connectionId: 'dc_1', serialization: 'raw', reliable: true, sdp, ...payload },
  }
}

describe('TRN12 what signaling may say', () => {
  test('TRN12 an offer passes with exactly the fields that are used', () => {
    expect(readSignaling(offer({ metadata: { evil: 1 }, label: 'x' }))).toEqual({
      kind: 'offer',
      src: 'alice',
      connectionId: 'dc_1',
      payload: {
        type: 'data',
        connectionId: 'dc_1',
        label: 'tabmesh-0',
        reliable: true,
        serialization: 'raw',
        sdp: { type: 'offer', sdp: SDP },
      },
    })
  })

  test.each([
    ['tabmesh-3', 3],
    ['tabmesh-', 0],
    ['tabmesh-999', 0],
    ['tabmesh-1x', 0],
    ['dc_1', 0],
    [7, 0],
  ])('TRN12 the label %s says connection %s', (label, index) => {
    expect(indexOf(label)).toBe(index)
  })

  test.each<[string, Record<string, unknown>]>([
    ['a media call', { type: 'media' }],
    ['another serialization', { serialization: 'binary' }],
    ['a serialization named as a method', { serialization: 'constructor' }],
    ['an unreliable channel', { reliable: false }],
    ['no connection id', { connectionId: undefined }],
    ['a connection id that is too long', { connectionId: 'x'.repeat(65) }],
    ['an answer in an offer', { sdp: { type: 'answer', sdp: SDP } }],
    ['a description that is text', { sdp: SDP }],
    ['a description that is too long', { sdp: { type: 'offer', sdp: SDP + 'a'.repeat(40_000) } }],
    ['a description without a fingerprint', { sdp: { type: 'offer', sdp: 'v=0\r\n' } }],
    ['two fingerprints', { sdp: { type: 'offer', sdp: `${SDP}${LINE}\r\n` } }],
    [
      'two fingerprints, one in capitals',
      { sdp: { type: 'offer', sdp: `${SDP}A=FINGERPRINT:sha-256 ${HASH}\r\n` } },
    ],
    ['two fingerprints, parted by a bare CR', { sdp: { type: 'offer', sdp: `${SDP}x\r${LINE}\r\n` } }],
  ])('TRN12 %s does not pass', (_, payload) => {
    expect(readSignaling(offer(payload))).toBeUndefined()
  })

  test.each([
    null,
    [],
    'OPEN',
    7,
    {},
    { type: 'OFFER' },
    { type: 'OFFER', src: 'a', payload: null },
    { type: 'ANSWER', src: 5 },
  ])('TRN12 %j does not pass', (raw) => {
    expect(readSignaling(raw)).toBeUndefined()
  })

  test('TRN12 a server that says LEAVE or EXPIRE means that a peer is absent, no more', () => {
    for (const type of ['LEAVE', 'EXPIRE'])
      expect(readSignaling({ type, src: 'bob' })).toEqual({ kind: 'absent', src: 'bob' })
  })

  test('TRN12 an error without text does not break the reader', () => {
    expect(readSignaling({ type: 'ERROR' })).toEqual({ kind: 'server', type: 'ERROR', payload: { msg: '' } })
  })

  test('TRN12 nothing makes the reader throw', () => {
    const type = fc.constantFrom(
      'OPEN',
      'ERROR',
      'OFFER',
      'ANSWER',
      'CANDIDATE',
      'LEAVE',
      'EXPIRE',
      'HEARTBEAT',
    )
    const record = fc.record({ type, src: fc.anything(), payload: fc.anything() }, { requiredKeys: [] })
    fc.assert(
      fc.property(record, (raw) => {
        expect(() => readSignaling(raw)).not.toThrow()
      }),
      { numRuns: 2_000 },
    )
  })

  test('TRN13 one fingerprint by SHA-256 is read, anything else is not', () => {
    expect(readFingerprint(SDP)).toEqual(Uint8Array.from({ length: 32 }, (_, i) => i))
    expect(readFingerprint(SDP.replace('sha-256', 'sha-1'))).toBeUndefined()
    expect(readFingerprint(`v=0\r\n${LINE}:00\r\n`)).toBeUndefined()
  })
})
