import { numberTag, SHORT_STRING_BYTES, TAG, VIEWS } from './codec-tags.ts'
import { WireError } from './errors.ts'
import { KeyCache, readAscii } from './key-cache.ts'
import { ENTRY, HEAVY, MAX_BIGINT_BYTES, MAX_VALUE_DEPTH, MAX_VALUE_WEIGHT, WIDE } from './limits.ts'
import { isSpread } from './spread.ts'
import type { Value } from './value.ts'
import { VarintReader } from './varint.ts'

const singles = new Float32Array(1)
const singleBytes = new Uint8Array(singles.buffer)
const doubles = new Float64Array(1)
const doubleBytes = new Uint8Array(doubles.buffer)
const SINGLE_NAN = [0, 0, 0xc0, 0x7f]
const DOUBLE_NAN = [0, 0, 0, 0, 0, 0, 0xf8, 0x7f]
/** Makes decoding faster and changes no result. */
const keys = new KeyCache()
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads one value. Every length is checked against what is left before anything is made of it. */
export class Decoder extends VarintReader {
  #weight = 0

  decode(): Value {
    const value = this.#value(0)
    if (this.at !== this.bytes.length) throw malformed('bytes after the value')
    return value
  }

  #value(depth: number): Value {
    const tag = this.byte()
    if (tag >= TAG.smallInt) return tag & 0x7f
    if (tag >= TAG.shortString) return this.#text(tag & 0x3f)
    switch (tag) {
      case TAG.null:
        return null
      case TAG.undefined:
        return undefined
      case TAG.false:
        return false
      case TAG.true:
        return true
      case TAG.int:
        return this.#int()
      case TAG.float:
        return this.#shortest(this.#double(), TAG.float)
      case TAG.single:
        return this.#single()
      case TAG.positiveLong:
      case TAG.negativeLong:
        return this.#long(tag)
      case TAG.string:
        return this.#longText()
      case TAG.date:
        this.#weigh(1)
        return this.#date()
      case TAG.positiveBigInt:
      case TAG.negativeBigInt:
        return this.#bigint(tag === TAG.negativeBigInt)
      case TAG.arrayBuffer:
        this.#weigh(HEAVY)
        return this.#block().slice().buffer
      case TAG.view:
        return this.#view()
      default:
        return this.#container(tag, depth)
    }
  }

  #container(tag: number, depth: number): Value {
    if (tag > TAG.set || tag < TAG.array) throw malformed(`no value begins with ${tag}`)
    if (depth >= MAX_VALUE_DEPTH)
      throw new WireError('too-deep', `a value is nested deeper than ${MAX_VALUE_DEPTH}`)
    const count = this.varint()
    // Each item takes a byte at least, so a count that lies is found before the first of them is made.
    if (count > this.left) throw malformed('a count larger than what is left')
    this.#weigh(tag === TAG.array || tag === TAG.object ? 1 : HEAVY)
    if (tag === TAG.array) return this.#array(count, depth + 1)
    if (tag === TAG.object) return this.#record(count, depth + 1)
    return tag === TAG.map ? this.#map(count, depth + 1) : this.#set(count, depth + 1)
  }

  #weigh(weight: number): void {
    this.#weight += weight
    if (this.#weight > MAX_VALUE_WEIGHT) throw malformed('more objects than a value may have')
  }

  #array(count: number, depth: number): Value {
    const array: Value[] = []
    for (let i = 0; i < count; i++) array.push(this.#value(depth))
    return array
  }

  #record(count: number, depth: number): Value {
    if (count > WIDE) this.#weigh(count * HEAVY)
    const record: Record<string, Value> = {}
    for (let i = 0; i < count; i++) {
      const key = this.#key()
      const value = this.#value(depth)
      // The one name whose assignment does not make an own property.
      if (key === '__proto__') {
        Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true })
      } else record[key] = value
    }
    if (Object.keys(record).length !== count) throw malformed('an object with the same key twice')
    return record
  }

  #key(): string {
    const tag = this.byte()
    if (tag >= TAG.shortString && tag < TAG.smallInt) return this.#shortKey(tag & 0x3f)
    if (tag === TAG.string) return this.#longText()
    throw malformed('a key that is no string')
  }

  #shortKey(length: number): string {
    const start = this.at
    if (length > this.left) return this.#text(length)
    const known = keys.find(this.bytes, start, length)
    if (known === undefined) return keys.keep(this.bytes, start, length, this.#text(length))
    this.at = start + length
    return known
  }

  #map(count: number, depth: number): Value {
    this.#weigh(count * ENTRY)
    const names: Value[] = []
    const values: Value[] = []
    for (let i = 0; i < count; i++) {
      names.push(this.#value(depth))
      values.push(this.#value(depth))
    }
    if (!isSpread(names)) throw malformed('a map whose numbers are chosen to be slow')
    const map = new Map<Value, Value>()
    for (let i = 0; i < count; i++) map.set(names[i], values[i])
    if (map.size !== count) throw malformed('a map with the same key twice')
    return map
  }

  #set(count: number, depth: number): Value {
    this.#weigh(count * ENTRY)
    const items: Value[] = []
    for (let i = 0; i < count; i++) items.push(this.#value(depth))
    if (!isSpread(items)) throw malformed('a set whose numbers are chosen to be slow')
    const set = new Set(items)
    if (set.size !== count) throw malformed('a set with the same item twice')
    return set
  }

  #int(): number {
    const zigzag = this.varint()
    const value = (zigzag >>> 1) ^ -(zigzag & 1)
    if (value >= 0 && value < 128) throw malformed('an integer in a longer form than needed')
    return value
  }

  #long(tag: number): number {
    const magnitude = this.longVarint()
    const value = tag === TAG.negativeLong ? -magnitude : magnitude
    return this.#shortest(value, tag)
  }

  #single(): number {
    const start = this.take(4)
    for (let i = 0; i < 4; i++) singleBytes[i] = this.bytes[start + i] as number
    const value = singles[0] as number
    if (Number.isNaN(value) && !isPlainNan(singleBytes)) throw malformed('a NaN in no form of ours')
    return this.#shortest(value, TAG.single)
  }

  #shortest(value: number, tag: number): number {
    if (numberTag(value) !== tag) throw malformed('a number in a longer form than needed')
    return value
  }

  #double(): number {
    const start = this.take(8)
    for (let i = 0; i < 8; i++) doubleBytes[i] = this.bytes[start + i] as number
    return doubles[0] as number
  }

  /** Whole milliseconds, as far as dates go; else an invalid date, which has one form. */
  #date(): Date {
    const time = this.#double()
    const date = new Date(time)
    const isKept = Number.isNaN(time) ? isPlainNan(doubleBytes) : Object.is(date.getTime(), time)
    if (!isKept) throw malformed('a date in no form of ours')
    return date
  }

  #bigint(isNegative: boolean): bigint {
    const length = this.varint()
    if (length > MAX_BIGINT_BYTES) throw malformed('a bigint that is too long')
    const start = this.take(length)
    if (length > 0 ? this.bytes[start] === 0 : isNegative)
      throw malformed('a bigint in a longer form than needed')
    let hex = '0x0'
    for (let i = start; i < this.at; i++) hex += HEX[this.bytes[i] as number]
    return isNegative ? -BigInt(hex) : BigInt(hex)
  }

  #view(): ArrayBufferView {
    this.#weigh(HEAVY)
    const view = VIEWS[this.byte()]
    const block = this.#block()
    if (!view || block.length % view.elementBytes !== 0) throw malformed('no such typed array')
    const { elementBytes, make: View } = view
    if (elementBytes === 1) return new View(block.buffer, block.byteOffset, block.length)
    return new View(block.slice().buffer, 0, block.length / elementBytes)
  }

  #block(): Uint8Array<ArrayBuffer> {
    const length = this.varint()
    const start = this.take(length)
    return this.bytes.subarray(start, start + length)
  }

  #longText(): string {
    const length = this.varint()
    if (length < SHORT_STRING_BYTES) throw malformed('a string in a longer form than needed')
    return this.#text(length)
  }

  #text(length: number): string {
    const start = this.take(length)
    if (length < SHORT_STRING_BYTES) {
      const text = readAscii(this.bytes, start, start + length)
      if (text !== undefined) return text
    }
    try {
      return utf8.decode(this.bytes.subarray(start, start + length))
    } catch (cause) {
      throw new WireError('malformed', 'a string that is not UTF-8', { cause })
    }
  }
}

/** The one that encoders write, of many. */
function isPlainNan(bytes: Uint8Array): boolean {
  const nan = bytes === singleBytes ? SINGLE_NAN : DOUBLE_NAN
  return nan.every((byte, at) => byte === bytes[at])
}

function malformed(what: string): WireError {
  return new WireError('malformed', `the bytes are no value of ours: ${what}`)
}
