import type { Crypto, Random } from './base/index.ts'

export const browserRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  float: () => (crypto.getRandomValues(new Uint32Array(1))[0] as number) / 0x1_0000_0000,
}

/** The crypto port over WebCrypto. */
export const browserCrypto: Crypto = {
  async sha256(bytes) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', plain(bytes)))
  },
  async hmac(key, bytes) {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const imported = await crypto.subtle.importKey('raw', plain(key), algorithm, false, ['sign'])
    return new Uint8Array(await crypto.subtle.sign('HMAC', imported, plain(bytes)))
  },
  async derive(secret, info, length) {
    const imported = await crypto.subtle.importKey('raw', plain(secret), 'HKDF', false, ['deriveBits'])
    const salt = new Uint8Array(0)
    const algorithm = { name: 'HKDF', hash: 'SHA-256', salt, info: new TextEncoder().encode(info) }
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, imported, length * 8))
  },
  async verify(publicKey, signature, bytes) {
    try {
      const imported = await crypto.subtle.importKey('raw', plain(publicKey), 'Ed25519', false, ['verify'])
      return await crypto.subtle.verify('Ed25519', imported, plain(signature), plain(bytes))
    } catch {
      // The port says false for a key that is no key.
      return false
    }
  },
}

/** WebCrypto takes no bytes that another thread may change. */
function plain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}
