import { type DatasetId, option, visibleName } from '../base/index.ts'
import type { AddOptions, Dataset, DatasetManifest, Datasets, Preview, ReadOptions } from './dataset.ts'
import { DataError } from './errors.ts'
import { Ingest, type IngestPorts } from './ingest.ts'
import {
  DEFAULT_MAX_SHARD_BYTES,
  DEFAULT_MIN_SHARD_BYTES,
  DEFAULT_SHARDS,
  DEFAULT_STREAM_SHARD_BYTES,
  MAX_NAME_LENGTH,
  MAX_REPLICAS,
  MAX_SHARD_BYTES,
  MIN_SHARD_BYTES,
} from './limits.ts'
import { MeshDataset, type MeshDatasetPorts } from './mesh-dataset.ts'
import { isDatasetName } from './messages.ts'
import { previewSource } from './preview.ts'
import { checkReadOptions, READ_OPTIONS } from './read-options.ts'
import { checkSource } from './source.ts'
import { assertSpace } from './space.ts'
import { Window } from './window.ts'

/**
 * Shards that are on their way at once, of all files that are being added: enough to keep every link busy, little enough
 * for a small device, and fewer than a peer serves of one other.
 */
const WINDOW_BYTES = 8 * 1024 * 1024
const WINDOW_SHARDS = 32

const ADD_OPTIONS = [...READ_OPTIONS, 'shardBytes', 'replicas', 'onProgress', 'signal'] as const

type Source = Blob | ReadableStream<Uint8Array>

/** The datasets of the room as the page and scripts see them. */
export class MeshDatasets implements Datasets {
  readonly #ports: MeshDatasetPorts & Omit<IngestPorts, 'checkName' | 'window'>
  readonly #handles = new Map<DatasetId, MeshDataset>()
  readonly #adding = new Set<string>()
  readonly #window = new Window(WINDOW_BYTES, WINDOW_SHARDS)
  #names: ReadonlyMap<string, DatasetManifest> | undefined
  #list: readonly Dataset[] = []

  constructor(ports: MeshDatasetPorts & Omit<IngestPorts, 'checkName' | 'window'>) {
    this.#ports = ports
  }

  async add(name: string, source: Source, options: AddOptions = {}): Promise<Dataset> {
    const shardBytes = resolveShardBytes(name, source, options)
    await this.#ports.context.ready
    this.#checkName(name)
    if (this.#adding.has(name)) throw nameTaken(name)
    this.#adding.add(name)
    try {
      if (source instanceof Blob)
        await assertSpace(this.#ports.context, source.size, options.replicas ?? 'default')
      const checkName = (wanted: string) => this.#checkName(wanted)
      const ports = { ...this.#ports, window: this.#window, checkName }
      const manifest = await new Ingest(ports, name, source, options, shardBytes).run()
      this.#update()
      return this.#handleOf(manifest, name)
    } finally {
      this.#adding.delete(name)
    }
  }

  list(): readonly Dataset[] {
    this.#update()
    return this.#list
  }

  get(name: string): Dataset | undefined {
    option.text('name', name)
    this.#update()
    const manifest = this.#names?.get(name)
    return manifest && this.#handles.get(manifest.id)
  }

  preview(name: string, source: Blob, options: ReadOptions = {}): Promise<Preview> {
    return previewSource(name, source, options)
  }

  #checkName(name: string): void {
    if (this.#ports.context.catalog.byName().has(name)) throw nameTaken(name)
  }

  /** The same objects for the same datasets. */
  #update(): void {
    const names = this.#ports.context.catalog.byName()
    if (names === this.#names) return
    this.#names = names
    this.#list = [...names].map(([name, manifest]) => this.#handleOf(manifest, name))
    const known = new Set([...names.values()].map(({ id }) => id))
    for (const id of this.#handles.keys()) if (!known.has(id)) this.#handles.delete(id)
  }

  #handleOf(manifest: DatasetManifest, name: string): MeshDataset {
    const handle = this.#handles.get(manifest.id) ?? new MeshDataset(this.#ports, manifest, name)
    this.#handles.set(manifest.id, handle)
    handle.rename(name)
    return handle
  }
}

/** Throws a DataError `bad-name` or an OptionError. */
function resolveShardBytes(name: string, source: Source, options: AddOptions): number {
  if (!isDatasetName(name)) {
    throw new DataError('bad-name', `a name has 1 to ${MAX_NAME_LENGTH} characters and no control characters`)
  }
  if (hasUnseen(name))
    throw new DataError('bad-name', 'a name has nothing that is not seen or turns text around')
  checkSource(source)
  option.names('add', options, ADD_OPTIONS)
  checkReadOptions(options)
  const { replicas } = options
  if (replicas !== undefined) option.count('replicas', replicas, { least: 1, most: MAX_REPLICAS })
  option.callback('onProgress', options.onProgress)
  option.signal('signal', options.signal)
  const { shardBytes: wanted = defaultShardBytes(source) } = options
  return option.count('shardBytes', wanted, { least: MIN_SHARD_BYTES, most: MAX_SHARD_BYTES })
}

/** Spaces aside: two names that differ in what nobody sees would be one for people. */
function hasUnseen(name: string): boolean {
  const solid = (text: string) => text.replace(/\s/gu, '')
  return solid(visibleName(name, MAX_NAME_LENGTH)) !== solid(name)
}

function defaultShardBytes(source: Source): number {
  if (!(source instanceof Blob)) return DEFAULT_STREAM_SHARD_BYTES
  const even = Math.ceil(source.size / DEFAULT_SHARDS)
  return Math.min(DEFAULT_MAX_SHARD_BYTES, Math.max(DEFAULT_MIN_SHARD_BYTES, even))
}

function nameTaken(name: string): DataError {
  return new DataError('name-taken', `there is already a dataset named ${name}: choose another name`)
}
