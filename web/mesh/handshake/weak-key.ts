import { toHex } from '../../base/index.ts'

/**
 * The y coordinates of the points of small order on edwards25519, little-endian, with their non-canonical forms (the list
 * of libsodium's `ge25519_has_small_order`). Under such a key one signature fits many messages.
 */
const SMALL_ORDER = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

/** True for an Ed25519 public key that proves nothing about who holds it. */
export function isWeakKey(publicKey: Uint8Array): boolean {
  const y = publicKey.slice()
  y[31] = (y[31] ?? 0) & 0x7f
  return SMALL_ORDER.has(toHex(y))
}
