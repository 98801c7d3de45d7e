import { type FormEvent, useId, useState } from 'react'
import { visibleName } from '../../base/index.ts'
import type { AddOptions, ColumnType, DatasetFormat, Preview } from '../../data/index.ts'
import { bytesText } from '../format.ts'
import { useAsync, useNode } from '../hooks.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { RecordTable } from '../parts/record-table.tsx'
import { text } from '../text.ts'

type Kind = DatasetFormat['kind']
type Schema = Readonly<Record<string, ColumnType>>
const KINDS: readonly Kind[] = ['csv', 'ndjson', 'text']

interface PreviewDialogProps {
  readonly file: File
  readonly onClose: () => void
  readonly onAdd: (name: string, options: Pick<AddOptions, 'format' | 'schema'>) => void
}

/** The first records as they will be read, before anything is stored. Types are chosen here or not at all. */
export function PreviewDialog({ file, onClose, onAdd }: PreviewDialogProps) {
  const { datasets } = useNode()
  const [name, setName] = useState(visibleName(file.name, 200))
  const [kind, setKind] = useState<Kind>()
  const [schema, setSchema] = useState<Schema>({})
  const formId = useId()
  const { value: preview, error } = useAsync(
    () => datasets.preview(file.name, file, { ...(kind ? { format: kind } : {}), schema }),
    [file, kind, JSON.stringify(schema)],
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (preview)
      onAdd(name.trim(), {
        format: preview.format.kind,
        ...(Object.keys(schema).length > 0 ? { schema } : {}),
      })
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
        <label>
          <span>{text.preview.format}</span>
          <select
            className="input"
            value={kind ?? preview?.format.kind ?? ''}
            onChange={(event) => setKind(KINDS.find((one) => one === event.target.value))}
          >
            {preview === undefined && <option value="">{text.preview.loading}</option>}
            {KINDS.map((one) => (
              <option key={one} value={one}>
                {text.preview.formats[one]}
              </option>
            ))}
          </select>
        </label>
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
  const notes = [...(preview.encoding === 'utf-8' ? [] : [text.preview.utf16]), ...preview.notes]
  const columns = preview.format.kind === 'csv' ? preview.format.columns : undefined
  const types = { ...preview.suggestedSchema, ...schema }
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
      {Object.keys(types).length > 0 && (
        <fieldset className="type-choices">
          <legend>{text.preview.types}</legend>
          <p className="muted small">{text.preview.typesHint}</p>
          {Object.entries(types).map(([column, type]) => (
            <label key={column} className="check">
              <input
                type="checkbox"
                checked={schema[column] !== undefined}
                onChange={(event) =>
                  onSchema(withType(schema, column, event.target.checked ? type : undefined))
                }
              />
              {text.preview.asType(column, type)}
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
