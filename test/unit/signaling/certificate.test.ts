import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readCertificate, selfSignedCertificate } from '../../../signaling/certificate.ts'

const folder = () => mkdtempSync(join(tmpdir(), 'tabmesh-certificate-'))
const YEAR_MS = 365 * 86_400_000

describe('certificate', () => {
  test('SIG17 names the addresses, is kept for the next start and readable by its owner only', async () => {
    const kept = folder()
    const made = await selfSignedCertificate(['192.168.1.5'], [kept])
    const names = new X509Certificate(made.cert).subjectAltName
    for (const name of ['DNS:localhost', 'IP Address:127.0.0.1', 'IP Address:192.168.1.5'])
      expect(names).toContain(name)
    expect(await selfSignedCertificate(['192.168.1.5'], [kept])).toMatchObject({ cert: made.cert })
    expect(statSync(join(kept, 'lan-certificate.json')).mode & 0o777).toBe(0o600)
  })

  test('SIG17 is made anew for a new address, near its end, and where the kept one is damaged', async () => {
    const kept = folder()
    const first = await selfSignedCertificate(['192.168.1.5'], [kept])
    const moved = await selfSignedCertificate(['192.168.1.6'], [kept])
    expect(moved.cert).not.toBe(first.cert)
    const renewed = await selfSignedCertificate(['192.168.1.6'], [kept], Date.now() + YEAR_MS - 86_400_000)
    expect(renewed.cert).not.toBe(moved.cert)
    writeFileSync(join(kept, 'lan-certificate.json'), '{"cert":1}')
    expect((await selfSignedCertificate(['192.168.1.6'], [kept])).cert).toContain('BEGIN CERTIFICATE')
  })

  test('SIG17 the second folder serves where the first cannot be written, and none is no failure', async () => {
    const file = join(folder(), 'file')
    writeFileSync(file, '')
    chmodSync(file, 0o400)
    const second = folder()
    const made = await selfSignedCertificate([], [file, second])
    expect((await selfSignedCertificate([], [file, second])).cert).toBe(made.cert)
    expect((await selfSignedCertificate([], [file])).cert).toContain('BEGIN CERTIFICATE')
  })

  test('SIG17 a certificate that cannot be read is named', () => {
    expect(() => readCertificate({ cert: '/no/such.pem', key: '/no/such.key' })).toThrow(/no\/such\.pem/)
  })

  test('SIG17 what is no pair is said in one line, and a kept one that is none is made anew', async () => {
    const place = folder()
    const [own, other] = [
      await selfSignedCertificate([], [folder()]),
      await selfSignedCertificate([], [folder()]),
    ]
    const { privateKey } = generateKeyPairSync('ed25519')
    const ed25519 = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const locked = String(
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
    )
    const files: [string, string, RegExp][] = [
      [own.cert, other.key, /the key is not the certificate's/],
      [own.cert, ed25519, /the key is not the certificate's/],
      [own.cert, locked, /the key has a passphrase/],
      ['{}', own.key, /no PEM file/],
      [own.cert, 'secret', /no PEM file|cannot be used/],
      ['', '', /cannot be used/],
      [own.cert.replace(/\n.{9}/, '\nAAAAAAAAA'), own.key, /cannot be used/],
    ]
    for (const [cert, key, words] of files) {
      writeFileSync(join(place, 'cert.pem'), cert)
      writeFileSync(join(place, 'key.pem'), key)
      const read = () => readCertificate({ cert: join(place, 'cert.pem'), key: join(place, 'key.pem') })
      expect(read, cert.slice(0, 40)).toThrow(
        expect.objectContaining({
          code: 'certificate-unreadable',
          message: expect.stringMatching(new RegExp(`^[^\\n]*${words.source}[^\\n]*$`)),
        }),
      )
    }
    const kept = { cert: 'x', key: 'y', addresses: [], expiresAt: Date.now() + YEAR_MS }
    writeFileSync(join(place, 'lan-certificate.json'), JSON.stringify(kept))
    expect((await selfSignedCertificate([], [place])).cert).toContain('BEGIN CERTIFICATE')
  })

  test('SIG17 the names of a certificate are names of the server', async () => {
    const place = folder()
    const made = await selfSignedCertificate([], [place])
    for (const part of ['cert', 'key'] as const) writeFileSync(join(place, part), made[part])
    const read = readCertificate({ cert: join(place, 'cert'), key: join(place, 'key') })
    expect(read.names).toEqual(['localhost'])
    expect(read.expiresAt).toBeGreaterThan(Date.now())
  })
})
