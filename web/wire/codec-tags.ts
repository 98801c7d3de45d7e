/**
 * The first byte of every encoded value. 0x80 and up are the integers 0 to 127; 0x40 to 0x7f are strings of 0 to 63
 * UTF-8 bytes; the rest follow here. Lengths and counts are {@link writeVarint minimal LEB128}.
 */
export const TAG = {
  null: 0x00,
  undefined: 0x01,
  false: 0x02,
  true: 0x03,
  /** Zigzag varint: any other integer of 32 bits, except -0. */
  int: 0x04,
  /** IEEE 754 double, little-endian: every number that has no shorter form. */
  float: 0x05,
  /** Length, then the magnitude's bytes, most significant first, without leading zeros. */
  positiveBigInt: 0x06,
  negativeBigInt: 0x07,
  /** Length in bytes, then UTF-8: strings of 64 bytes and more. */
  string: 0x08,
  /** A double: milliseconds since the epoch, NaN for an invalid date. */
  date: 0x09,
  array: 0x0a,
  object: 0x0b,
  map: 0x0c,
  set: 0x0d,
  /** Length, then bytes. */
  arrayBuffer: 0x0e,
  /** The index in {@link VIEWS}, the length in bytes, then the bytes, elements little-endian. */
  view: 0x0f,
  /** IEEE 754 single, little-endian: -0, NaN, infinities and all fractions that it holds exactly. */
  single: 0x10,
  /** The magnitude as LEB128 of up to 53 bits: integers beyond 32 bits. */
  positiveLong: 0x11,
  negativeLong: 0x12,
  shortString: 0x40,
  smallInt: 0x80,
} as const

export const SHORT_STRING_BYTES = 64

/** The form of a number, the shortest that holds it exactly. */
export function numberTag(value: number): number {
  const isNegativeZero = value === 0 && 1 / value < 0
  if ((value | 0) === value && !isNegativeZero) return value >= 0 && value < 128 ? TAG.smallInt : TAG.int
  if (Number.isSafeInteger(value) && !isNegativeZero) return value > 0 ? TAG.positiveLong : TAG.negativeLong
  return Math.fround(value) === value || Number.isNaN(value) ? TAG.single : TAG.float
}

type ViewConstructor = new (buffer: ArrayBuffer, byteOffset: number, length: number) => ArrayBufferView

interface View {
  readonly name: string
  readonly elementBytes: number
  readonly make: ViewConstructor
}

/** The order is the wire's: only ever append. */
export const VIEWS: readonly View[] = [
  { name: 'Uint8Array', elementBytes: 1, make: Uint8Array },
  { name: 'Int8Array', elementBytes: 1, make: Int8Array },
  { name: 'Uint8ClampedArray', elementBytes: 1, make: Uint8ClampedArray },
  { name: 'DataView', elementBytes: 1, make: DataView },
  { name: 'Int16Array', elementBytes: 2, make: Int16Array },
  { name: 'Uint16Array', elementBytes: 2, make: Uint16Array },
  { name: 'Int32Array', elementBytes: 4, make: Int32Array },
  { name: 'Uint32Array', elementBytes: 4, make: Uint32Array },
  { name: 'Float32Array', elementBytes: 4, make: Float32Array },
  { name: 'Float64Array', elementBytes: 8, make: Float64Array },
  { name: 'BigInt64Array', elementBytes: 8, make: BigInt64Array },
  { name: 'BigUint64Array', elementBytes: 8, make: BigUint64Array },
]
