import { type FormEvent, useId, useState } from 'react'
import { visibleName } from '../../base/index.ts'
import type { ColumnType, DatasetFormat, Preview, ReadOptions } from '../../data/index.ts'
import { bytesText } from '../format.ts'
import { useAsync, useNode } from '../hooks.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { RecordTable } from '../parts/record-table.tsx'
import { text } from '../text.ts'
import { CsvOptions, type CsvReading } from './csv-options.tsx'
import { EncodingSelect } from './encoding-select.tsx'
import { FormatSelect } from './format-select.tsx'

type Kind = DatasetFormat['kind']
type Schema = Readonly<Record<string, ColumnType>>

interface PreviewDialogProps {
  readonly file: File
  readonly onClose: () => void
  readonly onAdd: (name: string, options: ReadOptions) => void
}

/** The first records as they will be read, before anything is stored. Types are chosen here or not at all. */
export function PreviewDialog({ file, onClose, onAdd }: PreviewDialogProps) {
  const { datasets } = useNode()
  const [name, setName] = useState(visibleName(file.name, 200))
  const [kind, setKind] = useState<Kind>()
  const [schema, setSchema] = useState<Schema>({})
  const [csv, setCsv] = useState<CsvReading>({})
  const [encoding, setEncoding] = useState<string>()
  const formId = useId()
  const options: ReadOptions = {
    ...(kind ? { format: kind } : {}),
    ...(encoding === undefined ? {} : { encoding }),
    ...(kind === 'csv' ? csv : {}),
    schema,
  }
  const { value: preview, error } = useAsync(
    () => datasets.preview(file.name, file, options),
    [file, JSON.stringify(options)],
  )
  /** Other columns come of it, which have other types. */
  const readAs = (next: Kind | undefined, reading: CsvReading) => {
    setKind(next)
    setCsv(reading)
    setSchema({})
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!preview) return
    const { format } = preview
    // What was guessed by the file's own name is said, since another one may have been given.
    const guessed = format.kind === 'csv' ? { delimiter: format.delimiter } : {}
    onAdd(name.trim(), { ...guessed, ...options, format: format.kind })
  }
  const actions = (
    <>
      <button type="button" className="button" onClick={onClose}>
        {text.room.cancel}
      </button>
      <button
        type="submit"
        form={formId}
        className="button button-primary"
        disabled={preview === undefined || name.trim() === ''}
      >
        {text.preview.confirm}
      </button>
    </>
  )
  return (
    <Dialog title={text.preview.title(file.name)} size="large" onClose={onClose} actions={actions}>
      <form id={formId} className="preview-fields" onSubmit={submit}>
        <label>
          <span>{text.preview.name}</span>
          <input
            className="input"
            value={name}
            maxLength={100}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <FormatSelect
          kind={kind ?? preview?.format.kind}
          isKnown={preview !== undefined}
          isLooking={preview === undefined && error === undefined}
          onChange={(next) => readAs(next, {})}
        />
        <EncodingSelect
          encoding={encoding ?? preview?.encoding}
          onChange={(next) => {
            setEncoding(next)
            setSchema({})
          }}
        />
        {(kind ?? preview?.format.kind) === 'csv' && (
          <CsvOptions format={preview?.format} reading={csv} onChange={(reading) => readAs('csv', reading)} />
        )}
      </form>
      <div className="preview-space">
        {error && <Notice kind="error">{error.message}</Notice>}
        {!error && !preview && <p className="muted">{text.preview.loading}</p>}
        {preview && <PreviewBody preview={preview} bytes={file.size} schema={schema} onSchema={setSchema} />}
      </div>
    </Dialog>
  )
}

function PreviewBody({
  preview,
  bytes,
  schema,
  onSchema,
}: {
  preview: Preview
  bytes: number
  schema: Schema
  onSchema: (schema: Schema) => void
}) {
  const { notes } = preview
  const columns = preview.format.kind === 'csv' ? preview.format.columns : undefined
  const types: Schema = { ...preview.suggestedSchema, ...schema }
  // An object lists names that are numbers first, whatever their place in the file.
  const typed = (columns ?? []).filter((column) => Object.hasOwn(types, column))
  return (
    <>
      {notes.length > 0 && (
        <Notice kind="warning">
          {notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </Notice>
      )}
      <p className="preview-count">
        {text.preview.shown(preview.records.length)} <span className="muted">· {bytesText(bytes)}</span>
      </p>
      <RecordTable
        label={text.preview.shown(preview.records.length)}
        records={preview.records}
        columns={columns}
      />
      {typed.length > 0 && (
        <fieldset className="type-choices">
          <legend>{text.preview.types}</legend>
          <p className="muted small">{text.preview.typesHint}</p>
          {typed.map((column) => (
            <label key={column} className="check">
              <input
                type="checkbox"
                checked={Object.hasOwn(schema, column)}
                onChange={(event) =>
                  onSchema(withType(schema, column, event.target.checked ? types[column] : undefined))
                }
              />
              {text.preview.asType(column, String(types[column]))}
            </label>
          ))}
        </fieldset>
      )}
    </>
  )
}

function withType(schema: Schema, column: string, type: ColumnType | undefined): Schema {
  const others = Object.entries(schema).filter(([name]) => name !== column)
  return Object.fromEntries(type === undefined ? others : [...others, [column, type]])
}
