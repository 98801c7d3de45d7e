/**
 * Hashing, key derivation and signatures as a port. The browser's is WebCrypto; a simulation's settles every promise
 * without a timer or a thread, so that a seed replays to the same trace.
 */
export interface Crypto {
  sha256(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>>
  /** HMAC-SHA-256. */
  hmac(key: Uint8Array, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>>
  /** HKDF-SHA-256 (RFC 5869) with an empty salt; `info` separates the uses of one secret. */
  derive(secret: Uint8Array, info: string, length: number): Promise<Uint8Array<ArrayBuffer>>
  /** Ed25519. False for a malformed key or signature; never throws. */
  verify(publicKey: Uint8Array, signature: Uint8Array, bytes: Uint8Array): Promise<boolean>
}

/** A node's own Ed25519 key; the private half never leaves the port. */
export interface Identity {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>>
}
