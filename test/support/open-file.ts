import type { Oddity, ReadOptions } from '../../web/data/index.ts'
import { OpenedSource } from '../../web/data/opened-source.ts'
import { recordBatches } from '../../web/data/records.ts'

export interface OpenedFile {
  readonly opened: OpenedSource
  readonly records: unknown[]
  /** What `info()` says: the sum over the shards. */
  readonly counted: number
  readonly odd: Readonly<Record<string, number>>
  /** What `export` gives. */
  readonly text: string
}

/** Everything that a file becomes when it is added, read in pieces of this size. */
export function openFile(
  content: string | Uint8Array,
  name: string,
  options: ReadOptions & { pieceBytes?: number; shardBytes?: number } = {},
): OpenedFile {
  const { pieceBytes = 1_000, shardBytes = 4_096, ...rest } = options
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const opened = new OpenedSource({ name, shardBytes, ...rest })
  const shards = []
  for (let at = 0; at < bytes.byteLength; at += pieceBytes)
    shards.push(...opened.push(bytes.slice(at, at + pieceBytes)))
  shards.push(...opened.finish())
  const { format, header = '' } = opened
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return {
    opened,
    records: format ? shards.flatMap((shard) => [...recordBatches(shard.bytes, format)].flat()) : [],
    counted: shards.reduce((sum, shard) => sum + shard.records, 0),
    odd: Object.fromEntries(opened.odd.map(({ kind, count }: Oddity) => [kind, count])),
    text: header + shards.map((shard) => decoder.decode(shard.bytes)).join(''),
  }
}
