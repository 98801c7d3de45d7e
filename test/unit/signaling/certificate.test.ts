import { X509Certificate } from 'node:crypto'
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
})
