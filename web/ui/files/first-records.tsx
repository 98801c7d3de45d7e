import type { Dataset, DatasetInfo } from '../../data/index.ts'
import { useAsync, useNode } from '../hooks.ts'
import { Notice } from '../parts/notice.tsx'
import { RecordTable } from '../parts/record-table.tsx'
import { text } from '../text.ts'

const SHOWN = 100

/** Reads no further than the records that it shows. */
export function FirstRecords({ info }: { info: DatasetInfo }) {
  const { datasets } = useNode()
  const { value: records, error } = useAsync(
    (signal) => firstRecords(datasets.get(info.name), SHOWN, signal),
    [info.id],
  )
  return (
    <section aria-labelledby="records-title" className="panel">
      <h3 id="records-title">{text.files.browse}</h3>
      {error && <Notice kind="error">{error.message}</Notice>}
      {!error && !records && <p className="muted record-wait">{text.files.reading}</p>}
      {records && (
        <RecordTable
          label={text.files.browse}
          records={records}
          columns={info.format.kind === 'csv' ? info.format.columns : undefined}
        />
      )}
    </section>
  )
}

export async function firstRecords(
  dataset: Dataset | undefined,
  count: number,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const records: unknown[] = []
  if (dataset === undefined) return records
  for await (const record of dataset.records({ signal })) {
    records.push(record)
    if (records.length >= count) break
  }
  return records
}
