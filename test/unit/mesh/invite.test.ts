import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRoomId, toHex } from '../../../web/base/index.ts'
import { decodeInvite, deriveRoom, encodeInvite, InviteError, readInvite } from '../../../web/mesh/index.ts'
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

  const zeroWidth = '\u200b'
  const around: [string, (url: string, code: string) => string][] = [
    ['a full stop', (url) => `${url}.`],
    ['brackets and a question mark', (url) => `(see ${url})?!`],
    ['quotes of all kinds', (url) => `„${url}“ »${url}« '${url}' \`${url}\``],
    ['angle brackets', (url) => `<${url}>`],
    ["Slack's markup", (url) => `<${url}|join us>`],
    ['a link in Markdown', (url) => `[join us](${url})`],
    ['bold and struck through', (url) => `*~_${url}_~*`],
    ['a sentence', (url) => `Come and join: ${url}, it is quick and easy to do.`],
    ['a sentence without spaces round the code', (_, code) => `code:${code}now`],
    ['a space that is escaped', (url) => `${url}%20`],
    ['spaces in front of the code', (_, code) => `${BASE}#%20 ${code}`],
    ['an escaped #', (_, code) => `${BASE}%23${code}`],
    ['a # escaped twice', (_, code) => `${BASE}%2523${code}`],
    ['a full-width #', (_, code) => `${BASE}\uff03${code}`],
    ['parameters in front', (_, code) => `${BASE}?utm_source=chat&utm_medium=x#${code}`],
    [
      'parameters behind',
      (url) => `${url}&fbclid=IwAR0abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwxyz`,
    ],
    ['parameters behind, as a query', (url) => `${url}?utm_source=chat`],
    ['a text fragment', (url) => `${url}:~:text=hello`],
    ['a line wrap', (url) => `${url.slice(0, -30)}\n${url.slice(-30)}`],
    ['a wrap by a quoting mailer', (url) => `> ${url.slice(0, -30)}\r\n> > ${url.slice(-30)}`],
    ['a wrap of quoted-printable', (url) => `${url.slice(0, -30)}=\r\n${url.slice(-30)}`],
    ['a wrap with a hyphen', (url) => `${url.slice(0, -30)}-\n${url.slice(-30)}`],
    ['characters without width', (url) => zeroWidth + [...url].join(zeroWidth)],
    ['directions and a soft hyphen', (url) => `\u202a${url.slice(0, -9)}\u00ad${url.slice(-9)}\u202c\ufeff`],
    ['the code alone', (_, code) => code],
    ['the code in groups', (_, code) => code.match(/.{1,8}/g)?.join(' ') ?? ''],
    ['capitals', (url) => url.toUpperCase()],
    [
      'full-width characters',
      (_, code) => [...code].map((c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)).join(''),
    ],
    [
      'Outlook SafeLinks',
      (url) =>
        `https://nam02.safelinks.protection.outlook.com/?url=${encodeURIComponent(url)}&data=05%7C01%7Cann%40example.org&reserved=0`,
    ],
    [
      'Outlook SafeLinks that escape the # twice',
      (url) =>
        `https://deu01.safelinks.protection.outlook.com/?url=${encodeURIComponent(url.replace('#', '%23'))}&data=05`,
    ],
    [
      'a redirect of Facebook',
      (url) => `https://l.facebook.com/l.php?u=${encodeURIComponent(`${url}&fbclid=abc`)}&h=AT0`,
    ],
    [
      'a redirect in a redirect',
      (url) =>
        `https://a.example/?u=${encodeURIComponent(`https://b.example/?u=${encodeURIComponent(url)}`)}`,
    ],
    ["Proofpoint's URL Defense", (url) => `https://urldefense.com/v3/__${url.replace('#', '*')}__;Iw!!abc$`],
    ['a wrong code in front of it', (url, code) => `${BASE}#${code.slice(1)}a ${url}`],
  ]
  test.each(around)('INV4: %s does an invite no harm', (_, put) => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const url = encodeInvite(BASE, secret)
        expect(decodeInvite(put(url, url.slice(BASE.length + 1)))).toEqual(secret)
      }),
      { numRuns: 20 },
    )
  })

  test('INV4: a long text is looked at for a bounded time', () => {
    const began = performance.now()
    for (const part of ['a', 'https://', '%2525', '%23', 'http://a#'])
      expect(() => decodeInvite(part.repeat(1_000_000))).toThrow(InviteError)
    expect(performance.now() - began).toBeLessThan(4_000)
  })

  test('INV5: the address of a link is read through what is wrapped round it; a code alone has none', () => {
    const url = encodeInvite(BASE, new Uint8Array(32).fill(7))
    const code = url.slice(BASE.length + 1)
    const alone = [
      'the code alone',
      'the code in groups',
      'full-width characters',
      'a sentence without spaces round the code',
    ]
    for (const [name, put] of around) {
      if (name === 'a wrong code in front of it') continue
      const { addresses } = readInvite(put(url, code))
      if (alone.includes(name)) expect(addresses, name).toEqual([])
      else expect(new URL(addresses[0] ?? '').origin, name).toBe('https://mesh.example')
    }
    expect(readInvite(`${BASE}?from=https://other.example/a#${code}`).addresses).toEqual([
      'https://other.example/a',
      `${BASE}?from=https://other.example/a`,
    ])
    expect(readInvite(`http://own.example/#${encodeURIComponent(url)}`)).toMatchObject({
      code,
      addresses: [BASE],
    })
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
