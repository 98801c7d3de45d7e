import { numberTag, SHORT_STRING_BYTES, TAG, VIEWS } from './codec-tags.ts'
import { Encoded } from './encoded.ts'
import { WireError } from './errors.ts'
import {
  ENTRY,
  HEAVY,
  MAX_BIGINT_BYTES,
  MAX_FRAME_BYTES,
  MAX_VALUE_DEPTH,
  MAX_VALUE_WEIGHT,
  WIDE,
} from './limits.ts'
import { isSpread } from './spread.ts'

const FIRST_BYTES = 512
const utf8 = new TextEncoder()
const singles = new Float32Array(1)
const singleBytes = new Uint8Array(singles.buffer)
const doubles = new Float64Array(1)
const doubleBytes = new Uint8Array(doubles.buffer)
/** The last byte of the one NaN that is written. */
const POSITIVE_NAN = 0x7f

/** Writes values into one growing buffer. Not re-entrant: a getter that encodes needs an encoder of its own. */
export class Encoder {
  #bytes = new Uint8Array(FIRST_BYTES)
  #at = 0
  #weight = 0

  /** Of the last value. */
  get weight(): number {
    return this.#weight
  }

  /** A copy of exactly the bytes written. */
  encode(value: unknown): Uint8Array<ArrayBuffer> {
    this.#at = 0
    this.#weight = 0
    this.#value(value, 0)
    const encoded = this.#bytes.slice(0, this.#at)
    if (this.#bytes.length > 1024 * 1024) this.#bytes = new Uint8Array(FIRST_BYTES)
    return encoded
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.#string(value)
        break
      case 'number':
        this.#number(value)
        break
      case 'boolean':
        this.#byte(value ? TAG.true : TAG.false)
        break
      case 'undefined':
        this.#byte(TAG.undefined)
        break
      case 'bigint':
        this.#bigint(value)
        break
      case 'object':
        if (value === null) this.#byte(TAG.null)
        else this.#object(value, depth)
        break
      default:
        throw new WireError('not-encodable', `a ${typeof value} cannot be sent`)
    }
  }

  #object(value: object, depth: number): void {
    if (depth >= MAX_VALUE_DEPTH) {
      throw new WireError(
        'not-encodable',
        `a value nested deeper than ${MAX_VALUE_DEPTH}, or in a circle, cannot be sent`,
      )
    }
    const prototype: unknown = Object.getPrototypeOf(value)
    const isPlain = prototype === Object.prototype || prototype === null
    const isArray = !isPlain && Array.isArray(value)
    if (value instanceof Encoded) this.#weigh(value.weight)
    else this.#weigh(isPlain || isArray || value instanceof Date ? 1 : HEAVY)
    if (isPlain) this.#record(value, depth)
    else if (isArray) this.#array(value, depth)
    else if (value instanceof Encoded) this.#copy(value.bytes)
    else if (ArrayBuffer.isView(value)) this.#view(value)
    else if (value instanceof Map) this.#map(value, depth)
    else if (value instanceof Set) this.#set(value, depth)
    else if (value instanceof Date) this.#double(TAG.date, value.getTime())
    else if (value instanceof ArrayBuffer) {
      this.#byte(TAG.arrayBuffer)
      this.#block(new Uint8Array(value))
    } else throw new WireError('not-encodable', `an object of class ${className(value)} cannot be sent`)
  }

  #weigh(weight: number): void {
    this.#weight += weight
    if (this.#weight > MAX_VALUE_WEIGHT)
      throw new WireError(
        'too-large',
        `a value with so many objects in it cannot be sent: they weigh more than ${MAX_VALUE_WEIGHT}`,
      )
  }

  #record(value: object, depth: number): void {
    const keys = Object.keys(value)
    if (keys.length > WIDE) this.#weigh(keys.length * HEAVY)
    this.#byte(TAG.object)
    this.#varint(keys.length)
    for (const key of keys) {
      this.#string(key)
      this.#value((value as Record<string, unknown>)[key], depth + 1)
    }
  }

  #array(value: readonly unknown[], depth: number): void {
    this.#byte(TAG.array)
    this.#varint(value.length)
    for (let i = 0; i < value.length; i++) this.#value(value[i], depth + 1)
  }

  #map(value: ReadonlyMap<unknown, unknown>, depth: number): void {
    this.#collection(value)
    this.#byte(TAG.map)
    this.#varint(value.size)
    for (const [key, item] of value) {
      this.#value(key, depth + 1)
      this.#value(item, depth + 1)
    }
  }

  /** What the other side would refuse is refused here, where somebody is told. */
  #collection(value: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>): void {
    this.#weigh(value.size * ENTRY)
    if (!isSpread([...value.keys()]))
      throw new WireError(
        'not-encodable',
        'a map or set with so many numbers that engines hash alike cannot be sent',
      )
  }

  #set(value: ReadonlySet<unknown>, depth: number): void {
    this.#collection(value)
    this.#byte(TAG.set)
    this.#varint(value.size)
    for (const item of value) this.#value(item, depth + 1)
  }

  #view(value: ArrayBufferView): void {
    const name = value instanceof DataView ? 'DataView' : (value as Uint8Array)[Symbol.toStringTag]
    const index = VIEWS.findIndex((view) => view.name === name)
    if (index < 0) throw new WireError('not-encodable', `a ${name} cannot be sent`)
    this.#byte(TAG.view)
    this.#byte(index)
    this.#block(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  }

  #block(block: Uint8Array): void {
    this.#varint(block.length)
    this.#copy(block)
  }

  #copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #number(value: number): void {
    const tag = numberTag(value)
    if (tag === TAG.smallInt) this.#byte(TAG.smallInt | value)
    else if (tag === TAG.float) this.#double(TAG.float, value)
    else if (tag === TAG.single) this.#single(value)
    else {
      this.#byte(tag)
      if (tag === TAG.int) this.#varint(((value << 1) ^ (value >> 31)) >>> 0)
      else this.#long(Math.abs(value))
    }
  }

  #long(value: number): void {
    this.#reserve(8)
    let rest = value
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 0x80
    this.#bytes[this.#at++] = rest
  }

  #single(value: number): void {
    this.#reserve(5)
    this.#bytes[this.#at++] = TAG.single
    singles[0] = Number.isNaN(value) ? Number.NaN : value
    // What processors compute (0/0) and what engines write for the constant differ in the sign.
    if (Number.isNaN(value)) singleBytes[3] = POSITIVE_NAN
    for (let i = 0; i < 4; i++) this.#bytes[this.#at++] = singleBytes[i] as number
  }

  #double(tag: number, value: number): void {
    this.#reserve(9)
    this.#bytes[this.#at++] = tag
    doubles[0] = Number.isNaN(value) ? Number.NaN : value
    if (Number.isNaN(value)) doubleBytes[7] = POSITIVE_NAN
    for (let i = 0; i < 8; i++) this.#bytes[this.#at++] = doubleBytes[i] as number
  }

  #bigint(value: bigint): void {
    const hex = (value < 0n ? -value : value).toString(16)
    const length = value === 0n ? 0 : Math.ceil(hex.length / 2)
    if (length > MAX_BIGINT_BYTES)
      throw new WireError('not-encodable', `a bigint of more than ${MAX_BIGINT_BYTES} bytes cannot be sent`)
    const even = hex.padStart(length * 2, '0')
    this.#byte(value < 0n ? TAG.negativeBigInt : TAG.positiveBigInt)
    this.#varint(length)
    this.#reserve(length)
    for (let i = 0; i < length; i++)
      this.#bytes[this.#at++] = Number.parseInt(even.slice(2 * i, 2 * i + 2), 16)
  }

  #string(value: string): void {
    if (value.length < SHORT_STRING_BYTES && this.#ascii(value)) return
    if (!value.isWellFormed())
      throw new WireError('not-encodable', 'a string with half a surrogate pair cannot be sent')
    // At most 3 bytes of UTF-8 for each UTF-16 unit; the text goes behind the widest head and is moved to the real one.
    const room = value.length * 3
    this.#reserve(room + 6)
    const { written } = utf8.encodeInto(value, this.#bytes.subarray(this.#at + 6))
    const textAt = this.#at + 6
    if (written < SHORT_STRING_BYTES) this.#bytes[this.#at++] = TAG.shortString | written
    else {
      this.#bytes[this.#at++] = TAG.string
      this.#varint(written)
    }
    this.#bytes.copyWithin(this.#at, textAt, textAt + written)
    this.#at += written
  }

  /** Writes a string of fewer than 64 characters if all are ASCII: most keys and names, several times faster so. */
  #ascii(value: string): boolean {
    this.#reserve(SHORT_STRING_BYTES)
    const bytes = this.#bytes
    const start = this.#at + 1
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 0x7f) return false
      bytes[start + i] = unit
    }
    bytes[this.#at] = TAG.shortString | value.length
    this.#at = start + value.length
    return true
  }

  #byte(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = byte
  }

  #varint(value: number): void {
    this.#reserve(5)
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#at++] = rest
  }

  #reserve(length: number): void {
    const needed = this.#at + length
    if (needed <= this.#bytes.length) return
    // A string's room is three times its length, so the buffer may be larger than what it holds in the end.
    if (this.#at > MAX_FRAME_BYTES || length > 3 * MAX_FRAME_BYTES) {
      throw new WireError(
        'too-large',
        `a value of more than ${MAX_FRAME_BYTES / 1024 / 1024} MiB cannot be sent`,
      )
    }
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

function className(value: object): string {
  const made: unknown = value.constructor
  return typeof made === 'function' && made.name !== '' ? made.name : 'unknown'
}
