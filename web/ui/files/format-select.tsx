import type { DatasetFormat } from '../../data/index.ts'
import { text } from '../text.ts'

type Kind = DatasetFormat['kind']
const KINDS: readonly Kind[] = ['csv', 'ndjson', 'text']

interface FormatSelectProps {
  /** Chosen or guessed; undefined while nobody knows. */
  readonly kind: Kind | undefined
  /** The file was read so. Until then it may be left to be guessed. */
  readonly isKnown: boolean
  readonly isLooking: boolean
  readonly onChange: (kind: Kind | undefined) => void
}

export function FormatSelect({ kind, isKnown, isLooking, onChange }: FormatSelectProps) {
  return (
    <label>
      <span>{text.preview.format}</span>
      <select
        className="input"
        value={kind ?? ''}
        onChange={(event) => onChange(KINDS.find((one) => one === event.target.value))}
      >
        {!isKnown && (
          <option value="">{isLooking ? text.preview.loading : text.preview.unknownFormat}</option>
        )}
        {KINDS.map((one) => (
          <option key={one} value={one}>
            {text.preview.formats[one]}
          </option>
        ))}
      </select>
    </label>
  )
}
