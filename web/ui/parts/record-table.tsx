import { text } from '../text.ts'
import { cutText, valueText } from '../value-text.ts'

/** Characters of a field that are shown. */
const MAX_FIELD = 200

/** At most 100 records as a plain table; values that are no objects get one column. */
export function RecordTable({
  label,
  records,
  columns,
}: {
  label: string
  records: readonly unknown[]
  columns: readonly string[] | undefined
}) {
  const names = columns ? [...columns, ...surplusOf(columns, records)] : columnsOf(records)
  return (
    <section
      className="record-table"
      aria-label={text.tableOf(label)}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
      tabIndex={0}
    >
      <table>
        <thead>
          <tr>
            <th scope="col" className="row-number">
              #
            </th>
            {names.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {records.map((record, at) => (
            <tr key={at}>
              <td className="row-number">{at + 1}</td>
              {names.map((name) => (
                <td key={name}>{fieldText(record, name, columns === undefined && names.length === 1)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** Where fields are for which the file names no column. */
function surplusOf(columns: readonly string[], records: readonly unknown[]): readonly string[] {
  const known = new Set(columns)
  const keys = new Set<string>()
  for (const record of records)
    for (const key of Object.keys(Object(record))) if (!known.has(key)) keys.add(key)
  return [...keys]
}

function columnsOf(records: readonly unknown[]): readonly string[] {
  if (!records.every(isPlainObject)) return ['value']
  return [...new Set(records.flatMap((record) => Object.keys(record as object)))].slice(0, 50)
}

function fieldText(record: unknown, name: string, isWhole: boolean): string {
  const text =
    isWhole && !isPlainObject(record)
      ? valueText(record)
      : isPlainObject(record)
        ? valueText(Object.hasOwn(record, name) ? record[name] : undefined)
        : ''
  return cutText(text, MAX_FIELD)
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
