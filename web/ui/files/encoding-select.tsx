import { text } from '../text.ts'

/** What files are mostly in, by the names that a TextDecoder gives them. */
const ENCODINGS = [
  'utf-8',
  'windows-1252',
  'iso-8859-15',
  'macintosh',
  'windows-1250',
  'iso-8859-2',
  'windows-1251',
  'koi8-r',
  'ibm866',
  'windows-1253',
  'windows-1254',
  'windows-1255',
  'windows-1256',
  'windows-1257',
  'windows-1258',
  'windows-874',
  'shift_jis',
  'euc-jp',
  'gb18030',
  'big5',
  'euc-kr',
  'utf-16le',
  'utf-16be',
] as const

/** Always there: a file that cannot be read is mostly in another encoding than it seems. */
export function EncodingSelect({
  encoding = 'utf-8',
  onChange,
}: {
  /** Chosen or found; undefined while nobody knows. */
  readonly encoding: string | undefined
  readonly onChange: (encoding: string) => void
}) {
  return (
    <label>
      <span>{text.preview.encoding}</span>
      <select className="input" value={encoding} onChange={(event) => onChange(event.target.value)}>
        {ENCODINGS.map((one) => (
          <option key={one} value={one}>
            {text.preview.encodings[one]}
          </option>
        ))}
      </select>
    </label>
  )
}
