import type { DatasetFormat, ReadOptions } from '../../data/index.ts'
import { text } from '../text.ts'

export type CsvReading = Pick<ReadOptions, 'delimiter' | 'quote' | 'header' | 'skipLines' | 'comment'>

const DELIMITERS = [',', ';', '\t', '|', ' ', ':'] as const
const QUOTES = ['"', "'", ''] as const
const COMMENTS = ['', '#', ';', '%', '!'] as const
const MAX_SKIPPED = 1_000

/** How the CSV is read; what nobody chose is what was guessed. Every change shows in the records below. */
export function CsvOptions({
  format,
  reading,
  onChange,
}: {
  format: DatasetFormat | undefined
  reading: CsvReading
  onChange: (reading: CsvReading) => void
}) {
  const guessed = format?.kind === 'csv' ? format.delimiter : ','
  const delimiter = reading.delimiter ?? guessed
  const words = text.preview.csv
  return (
    <fieldset className="csv-options">
      <legend>{words.title}</legend>
      <Choice
        label={words.delimiter}
        value={delimiter}
        choices={DELIMITERS.includes(delimiter as ',') ? DELIMITERS : [...DELIMITERS, delimiter]}
        nameOf={words.delimiterName}
        onChange={(value) => onChange({ ...reading, delimiter: value })}
      />
      <Choice
        label={words.quote}
        value={reading.quote ?? '"'}
        choices={QUOTES}
        nameOf={words.quoteName}
        onChange={(quote) => onChange({ ...reading, quote })}
      />
      <Choice
        label={words.comment}
        value={reading.comment ?? ''}
        choices={COMMENTS.filter((sign) => sign !== delimiter)}
        nameOf={words.commentName}
        onChange={(comment) => onChange({ ...reading, comment })}
      />
      <label>
        <span>{words.skipLines}</span>
        <input
          className="input"
          type="number"
          min={0}
          max={MAX_SKIPPED}
          value={reading.skipLines ?? 0}
          onChange={(event) => onChange({ ...reading, skipLines: lineCount(event.target.value) })}
        />
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={reading.header ?? true}
          onChange={(event) => onChange({ ...reading, header: event.target.checked })}
        />
        {words.header}
      </label>
    </fieldset>
  )
}

function Choice({
  label,
  value,
  choices,
  nameOf,
  onChange,
}: {
  label: string
  value: string
  choices: readonly string[]
  nameOf: (sign: string) => string
  onChange: (value: string) => void
}) {
  return (
    <label>
      <span>{label}</span>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        {choices.map((sign) => (
          <option key={sign} value={sign}>
            {nameOf(sign)}
          </option>
        ))}
      </select>
    </label>
  )
}

function lineCount(value: string): number {
  return Math.min(MAX_SKIPPED, Math.max(0, Math.floor(Number(value) || 0)))
}
