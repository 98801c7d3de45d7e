import { type DatasetId, option } from '../base/index.ts'
import { type DataContext, liveHolders } from './context.ts'
import type { CsvFormat, Dataset, DatasetInfo, DatasetManifest, ShardView } from './dataset.ts'
import { DataError } from './errors.ts'
import { oddityText } from './oddities.ts'
import { extraKeyOf, recordBatches } from './records.ts'
import type { ShardReader } from './shard-reader.ts'

export interface MeshDatasetPorts {
  readonly context: DataContext
  readonly reader: ShardReader
  /** Grows with every change that {@link Dataset.info} or {@link Dataset.shards} can show. */
  readonly version: () => number
  readonly drop: (datasetId: DatasetId) => Promise<void>
}

/** One dataset as the page and scripts see it; stays usable, and empty of holders, after it has been dropped. */
export class MeshDataset implements Dataset {
  readonly #ports: MeshDatasetPorts
  readonly #manifest: DatasetManifest
  #seen:
    | { readonly version: number; readonly info: DatasetInfo; readonly shards: readonly ShardView[] }
    | undefined
  #name: string

  constructor(ports: MeshDatasetPorts, manifest: DatasetManifest, name: string) {
    this.#ports = ports
    this.#manifest = manifest
    this.#name = name
  }

  get id(): DatasetId {
    return this.#manifest.id
  }

  get name(): string {
    return this.#name
  }

  /** The catalog shows it by another name since one of the same name came or went. */
  rename(name: string): void {
    if (name === this.#name) return
    this.#name = name
    this.#seen = undefined
  }

  info(): DatasetInfo {
    return this.#view().info
  }

  shards(): readonly ShardView[] {
    return this.#view().shards
  }

  records(options: { signal?: AbortSignal } = {}): AsyncGenerator<unknown, void, undefined> {
    return this.#records(checkedSignal('records', options))
  }

  async *#records(signal: AbortSignal | undefined): AsyncGenerator<unknown, void, undefined> {
    for await (const bytes of this.#read(signal)) {
      for (const batch of recordBatches(new Uint8Array(bytes), this.#manifest.format)) yield* batch
    }
  }

  async export(options: { signal?: AbortSignal } = {}): Promise<Blob> {
    const signal = checkedSignal('export', options)
    const parts: Blob[] = [new Blob([this.#header()])]
    // A Blob for each shard, which a browser may keep on its disk.
    for await (const bytes of this.#read(signal)) parts.push(new Blob([bytes]))
    const type = { csv: 'text/csv', ndjson: 'application/x-ndjson', text: 'text/plain' }[
      this.#manifest.format.kind
    ]
    return new Blob(parts, { type })
  }

  async drop(): Promise<void> {
    await this.#ports.drop(this.id)
  }

  async *#read(signal: AbortSignal | undefined): AsyncGenerator<ArrayBuffer, void, undefined> {
    const { context, reader } = this.#ports
    const either = signal ? AbortSignal.any([signal, context.signal]) : context.signal
    for (const { id } of this.#manifest.shards) {
      either.throwIfAborted()
      if (!context.catalog.get(this.id)) throw new DataError('dropped', `${this.#name} has been dropped`)
      yield await reader.readPatiently(id, either)
    }
  }

  #header(): string {
    const { format, header } = this.#manifest
    if (header !== undefined || format.kind !== 'csv') return header ?? ''
    return `${format.columns.map((name) => quoted(name, format)).join(format.delimiter)}\n`
  }

  #view() {
    const version = this.#ports.version()
    if (this.#seen?.version !== version) this.#seen = { version, ...this.#look() }
    return this.#seen
  }

  #look(): { info: DatasetInfo; shards: readonly ShardView[] } {
    const { context } = this.#ports
    const { id, format, odd = [], addedBy, addedAt } = this.#manifest
    const extraKey = extraKeyOf(format.kind === 'csv' ? format.columns : [])
    const replicas = context.roster.replicasOf(this.#manifest.replicas)
    const shards = this.#manifest.shards.map((shard) => ({
      ...shard,
      holders: liveHolders(context, shard.id),
    }))
    const info: DatasetInfo = {
      id,
      name: this.#name,
      format,
      bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
      records: shards.reduce((sum, { records }) => sum + records, 0),
      shardCount: shards.length,
      replicas,
      availableShards: shards.filter(({ holders }) => holders.length > 0).length,
      missingReplicas: shards.filter(({ holders }) => holders.length < replicas).length,
      odd,
      notes: odd.map((one) => oddityText(one, extraKey)),
      addedBy,
      addedAt,
    }
    return { info, shards }
  }
}

function checkedSignal(what: string, options: { signal?: AbortSignal }): AbortSignal | undefined {
  return option.signal('signal', option.names(what, options, ['signal']).signal)
}

function quoted(field: string, { delimiter, quote = '"' }: CsvFormat): string {
  const isPlain = quote === '' || ![delimiter, quote, '\n', '\r'].some((sign) => field.includes(sign))
  return isPlain ? field : quote + field.replaceAll(quote, () => quote + quote) + quote
}
