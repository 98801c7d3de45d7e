import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { type Crypto, type Identity, type PeerId, toBase32 } from '../../../web/base/index.ts'

/** RFC 8410: what comes before the 32 bytes of an Ed25519 private key (PKCS8) and public key (SPKI) in DER. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** The crypto port over node:crypto, computed at once inside promises that are already settled. */
export const nodeCrypto: Crypto = {
  async sha256(bytes) {
    return new Uint8Array(createHash('sha256').update(bytes).digest())
  },
  async hmac(key, bytes) {
    return new Uint8Array(createHmac('sha256', key).update(bytes).digest())
  },
  async derive(secret, info, length) {
    return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), info, length))
  },
  async verify(publicKey, signature, bytes) {
    const key = publicKeyOf(publicKey)
    return key !== undefined && signature.byteLength === 64 && verify(null, bytes, key, signature)
  },
}

/** The identity whose private key is `seed` (32 bytes). */
export function seededIdentity(seed: Uint8Array): Identity {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    publicKey: new Uint8Array(spki.subarray(SPKI_PREFIX.byteLength)),
    sign: async (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
  }
}

/** The same as the product's `derivePeerId`, at once. */
export function peerIdAtOnce(publicKey: Uint8Array): PeerId {
  return toBase32(createHash('sha256').update(publicKey).digest().subarray(0, 20)) as PeerId
}

function publicKeyOf(bytes: Uint8Array): KeyObject | undefined {
  if (bytes.byteLength !== 32) return undefined
  try {
    return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' })
  } catch {
    // The port says false for a key that is no key.
    return undefined
  }
}
