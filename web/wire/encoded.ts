/** A value's bytes, to be put into several larger values without being encoded again. Made by `encodeOnce`. */
export class Encoded {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Counted where it is put in: see `limits.ts`. */
  readonly weight: number

  constructor(bytes: Uint8Array<ArrayBuffer>, weight: number) {
    this.bytes = bytes
    this.weight = weight
  }
}
