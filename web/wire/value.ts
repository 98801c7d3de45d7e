import type { Encoded } from './encoded.ts'

/** What a body may be: JSON types and what structured clone adds that has a meaning on another machine. */
export type Value =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Date
  | ArrayBuffer
  | ArrayBufferView
  | readonly Value[]
  | ReadonlyMap<Value, Value>
  | ReadonlySet<Value>
  /** Stands for the value that it was made of; what is decoded has none. */
  | Encoded
  | { readonly [key: string]: Value }
