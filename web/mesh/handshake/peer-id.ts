import { type Crypto, type PeerId, toBase32 } from '../../base/index.ts'

const PEER_ID_BYTES = 20

/** A peer's id: base32 of the first 20 bytes of the SHA-256 of its Ed25519 public key. */
export async function derivePeerId(crypto: Crypto, publicKey: Uint8Array): Promise<PeerId> {
  const hash = await crypto.sha256(publicKey)
  return toBase32(hash.subarray(0, PEER_ID_BYTES)) as PeerId
}
