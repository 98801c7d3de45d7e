import type { DatasetId, PeerId, ShardId } from '../../web/base/index.ts'
import type {
  AddOptions,
  AddProgress,
  ColumnType,
  Dataset,
  DatasetFormat,
  DatasetInfo,
  Datasets,
  ShardView,
} from '../../web/data/index.ts'
import { previewSource } from '../../web/data/preview.ts'

export interface FakeDataset {
  readonly name: string
  readonly format: DatasetFormat
  readonly records: readonly unknown[]
  readonly bytes: number
  readonly shardCount: number
  readonly missing: number
  readonly absent: number
}

/** Datasets in memory: `members` says who may hold shards, `changed` tells the node. */
export function createFakeDatasets(self: PeerId, members: () => readonly PeerId[], changed: () => void) {
  const all = new Map<string, FakeDataset>()
  const infos = new Map<string, DatasetInfo>()
  const put = (dataset: FakeDataset) => {
    all.set(dataset.name, dataset)
    infos.set(dataset.name, infoOf(dataset, self))
    changed()
  }
  const datasetOf = (dataset: FakeDataset): Dataset => ({
    id: infoOf(dataset, self).id,
    name: dataset.name,
    info: () => infos.get(dataset.name) ?? infoOf(dataset, self),
    shards: () => shardsOf(dataset, members()),
    records: () => recordsOf(dataset.records),
    export: async () => new Blob([fileText(dataset)]),
    drop: async () => {
      all.delete(dataset.name)
      infos.delete(dataset.name)
      changed()
    },
  })
  const datasets: Datasets = {
    add: async (name, source, options = {}) => {
      if (all.has(name))
        throw Object.assign(
          new Error(`There is already a file named ${name} in this room. Give it another name.`),
          { code: 'name-taken' },
        )
      const text = source instanceof Blob ? await source.text() : ''
      await progressOf(text.length, options)
      const read = readRecords(name, text, options.format, options.schema)
      put({
        name,
        format: read.format,
        records: read.records,
        bytes: text.length,
        shardCount: 64,
        missing: 0,
        absent: 0,
      })
      return datasetOf(all.get(name) as FakeDataset)
    },
    list: () => [...all.values()].map(datasetOf),
    get: (name) => {
      const found = all.get(name)
      return found && datasetOf(found)
    },
    preview: previewSource,
  }
  return { datasets, put, infos: () => [...infos.values()], find: (name: string) => all.get(name) }
}

/** Drawn from the name, so the same in every tab. */
export function shardsOf(dataset: FakeDataset, members: readonly PeerId[]): ShardView[] {
  return Array.from({ length: dataset.shardCount }, (_, at) => {
    const absent = at < dataset.absent
    const short = at >= dataset.shardCount - dataset.missing
    const first = (at * 7 + Math.floor(at / 5)) % members.length
    const second = (first + 1 + (at % Math.max(1, members.length - 1))) % members.length
    const holders = absent ? [] : [members[first], ...(short || first === second ? [] : [members[second]])]
    return {
      id: at.toString(16).padStart(64, '0') as ShardId,
      bytes: Math.round(dataset.bytes / dataset.shardCount),
      records: Math.round(dataset.records.length / dataset.shardCount),
      holders: holders.filter((holder) => holder !== undefined),
    }
  })
}

function infoOf(dataset: FakeDataset, self: PeerId): DatasetInfo {
  return {
    id: dataset.name.replace(/[^a-z0-9]/g, 'x').padEnd(8, '0') as DatasetId,
    name: dataset.name,
    format: dataset.format,
    bytes: dataset.bytes,
    records: dataset.records.length,
    shardCount: dataset.shardCount,
    replicas: 2,
    availableShards: dataset.shardCount - dataset.absent,
    missingReplicas: dataset.missing + dataset.absent * 2,
    odd: [],
    notes: [],
    addedBy: self,
    addedAt: Date.now() - 3_600_000,
  }
}

function readRecords(
  name: string,
  text: string,
  wanted: AddOptions['format'],
  schema: AddOptions['schema'] = {},
) {
  const lines = text.split('\n').filter((line) => line !== '')
  const kind = wanted ?? (name.endsWith('.csv') ? 'csv' : name.endsWith('json') ? 'ndjson' : 'text')
  if (kind === 'text') return { format: { kind } as DatasetFormat, records: lines as unknown[] }
  if (kind === 'ndjson')
    return { format: { kind } as DatasetFormat, records: lines.map((line): unknown => JSON.parse(line)) }
  const columns = (lines[0] ?? '').split(',')
  const format: DatasetFormat = {
    kind,
    delimiter: ',',
    columns,
    ...(Object.keys(schema).length > 0 ? { schema } : {}),
  }
  const records = lines.slice(1).map((line) => {
    const fields = line.split(',')
    return Object.fromEntries(columns.map((column, at) => [column, typed(fields[at] ?? '', schema[column])]))
  })
  return { format, records: records as unknown[] }
}

function typed(field: string, type: ColumnType | undefined): unknown {
  if (type === 'number' && field !== '' && Number.isFinite(Number(field))) return Number(field)
  if (type === 'boolean' && (field === 'true' || field === 'false')) return field === 'true'
  return field
}

function fileText(dataset: FakeDataset): string {
  if (dataset.format.kind !== 'csv')
    return dataset.records
      .map((record) => (typeof record === 'string' ? record : JSON.stringify(record)))
      .join('\n')
  const { columns } = dataset.format
  const rows = (dataset.records as Record<string, unknown>[]).map((row) =>
    columns.map((column) => String(row[column])).join(','),
  )
  return [columns.join(','), ...rows].join('\n')
}

async function* recordsOf(records: readonly unknown[]): AsyncIterable<unknown> {
  for (const record of records) yield record
}

async function progressOf(total: number, options: AddOptions): Promise<void> {
  const phases: readonly AddProgress['phase'][] = ['reading', 'replicating', 'announcing', 'done']
  for (let step = 0; step <= 60; step++) {
    options.signal?.throwIfAborted()
    const part = step / 60
    options.onProgress?.({
      phase: phases[Math.min(3, Math.floor(part * 3))] ?? 'done',
      bytesRead: Math.round(total * Math.min(1, part * 2)),
      bytesTotal: total,
      shards: Math.round(64 * Math.min(1, part * 2)),
      copiesStored: Math.round(128 * part),
      records: Math.round((total / 40) * Math.min(1, part * 2)),
      odd: [],
    })
    await new Promise((done) => setTimeout(done, 100))
  }
}
