import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { generate } from 'selfsigned'
import { SignalingError } from './errors.ts'

export interface Certificate {
  readonly cert: string
  readonly key: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** Of hosts, also with `*.` in front. */
  readonly names: readonly string[]
}

interface KeptCertificate extends Pick<Certificate, 'cert' | 'key' | 'expiresAt'> {
  readonly addresses: readonly string[]
}

const DAY_MS = 86_400_000
/** Apple accepts at most 825 days; a year is enough for a self-signed one. */
const VALID_DAYS = 365
const RENEW_DAYS = 14
const FILE = 'lan-certificate.json'

/** Reads the two PEM files, and sees that they are a pair; throws `certificate-unreadable`. */
export function readCertificate(files: { readonly cert: string; readonly key: string }): Certificate {
  try {
    const [cert, key] = [readFileSync(files.cert, 'utf8'), readFileSync(files.key, 'utf8')]
    createSecureContext({ cert, key })
    const first = new X509Certificate(cert)
    // Of two kinds of keys OpenSSL takes both, and no browser can connect.
    if (!first.checkPrivateKey(createPrivateKey(key))) throw new RangeError('key values mismatch')
    const { validTo, subjectAltName } = first
    const names = [...(subjectAltName ?? '').matchAll(/DNS:([^,\s]+)/g)].map(([, name = '']) => name)
    return { cert, key, expiresAt: Date.parse(validTo), names }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    throw new SignalingError(
      'certificate-unreadable',
      `The certificate ${files.cert} with the key ${files.key} cannot be used: ${inWords(problem)}.`,
      { cause: error },
    )
  }
}

/** OpenSSL's words for the usual mistakes say nothing to most people. */
function inWords(problem: string): string {
  if (problem.includes('values mismatch')) return "the key is not the certificate's"
  if (problem.includes('no start line')) return 'one of the two is no PEM file'
  if (/bad decrypt|interrupted or cancelled|bad password|passphrase/i.test(problem))
    return 'the key has a passphrase'
  return problem.replace(/\s+/g, ' ')
}

/**
 * A self-signed certificate for localhost and `addresses`. It is kept between starts, in the first of `folders` that can be
 * written, so that a browser that was told to accept it need not be told again.
 */
export async function selfSignedCertificate(
  addresses: readonly string[],
  folders: readonly string[] = certificateFolders(),
  now: number = Date.now(),
): Promise<Certificate> {
  for (const folder of folders) {
    const kept = readKept(join(folder, FILE))
    if (kept !== undefined && isUsable(kept, addresses, now)) return { ...kept, names: [] }
  }
  const made = await make(addresses, now)
  keep(made, folders)
  return { ...made, names: [] }
}

function certificateFolders(): string[] {
  const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return [join(caches, 'tabmesh'), join(tmpdir(), `tabmesh-${process.getuid?.() ?? 'user'}`)]
}

function isUsable(kept: KeptCertificate, addresses: readonly string[], now: number): boolean {
  return (
    kept.expiresAt - now > RENEW_DAYS * DAY_MS &&
    addresses.every((address) => kept.addresses.includes(address))
  )
}

async function make(addresses: readonly string[], now: number): Promise<KeptCertificate> {
  const expiresAt = now + VALID_DAYS * DAY_MS
  const names = [{ type: 2 as const, value: 'localhost' }]
  const ips = ['127.0.0.1', ...addresses].map((ip) => ({ type: 7 as const, ip }))
  const made = await generate([{ name: 'commonName', value: 'Tabmesh on this network' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(expiresAt),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [...names, ...ips] },
    ],
  })
  return { cert: made.cert, key: made.private, addresses: [...addresses], expiresAt }
}

function keep(certificate: KeptCertificate, folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      writeFileSync(join(folder, FILE), JSON.stringify(certificate), { mode: 0o600 })
      return
    } catch {
      // This folder cannot be written. Without any, the next start makes another certificate.
    }
  }
}

function readKept(file: string): KeptCertificate | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (!isKept(value)) return undefined
    createSecureContext({ cert: value.cert, key: value.key })
    return value
  } catch {
    // Not there or damaged: a new one is made.
    return undefined
  }
}

function isKept(value: unknown): value is KeptCertificate {
  if (typeof value !== 'object' || value === null) return false
  const kept = value as Partial<Record<keyof KeptCertificate, unknown>>
  const isText = typeof kept.cert === 'string' && typeof kept.key === 'string'
  return isText && Array.isArray(kept.addresses) && typeof kept.expiresAt === 'number'
}
