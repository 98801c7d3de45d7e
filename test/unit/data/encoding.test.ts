import { describe, expect, test } from 'vitest'
import { previewSource } from '../../../web/data/preview.ts'
import { checkReadOptions } from '../../../web/data/read-options.ts'
import { openFile } from '../../support/open-file.ts'

const bytes = (...parts: (string | number[])[]) =>
  new Uint8Array(
    parts.flatMap((part) => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : part)),
  )
const failure = (content: Uint8Array, name: string, options = {}) => {
  try {
    openFile(content, name, { pieceBytes: 70_000, ...options })
  } catch (error) {
    return error
  }
  return undefined
}

/** A word, its bytes, and what they are. */
const WORDS: readonly [label: string, word: string, coded: number[]][] = [
  ['windows-1252', 'Zürich €', [0x5a, 0xfc, 0x72, 0x69, 0x63, 0x68, 0x20, 0x80]],
  ['latin1', 'café', [0x63, 0x61, 0x66, 0xe9]],
  ['ISO-8859-15', '5 €', [0x35, 0x20, 0xa4]],
  ['macintosh', 'café', [0x63, 0x61, 0x66, 0x8e]],
  ['windows-1250', 'Łódź', [0xa3, 0xf3, 0x64, 0x9f]],
  ['windows-1251', 'Привет', [0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2]],
  ['koi8-r', 'мир', [0xcd, 0xc9, 0xd2]],
  // The second bytes are a bar and a backslash in ASCII.
  ['shift_jis', '能ポ', [0x94, 0x5c, 0x83, 0x7c]],
  ['gbk', '中文', [0xd6, 0xd0, 0xce, 0xc4]],
  ['big5', '中文', [0xa4, 0xa4, 0xa4, 0xe5]],
  ['euc-kr', '한글', [0xc7, 0xd1, 0xb1, 0xdb]],
]

describe('encodings', () => {
  test.each(WORDS)(
    'SHD16 a CSV in %s is read as it was meant, and kept in UTF-8',
    (encoding, word, coded) => {
      const rows = Array.from({ length: 3_000 }, (_, n) => [...bytes(`${n}|`), ...coded, 10]).flat()
      const file = openFile(bytes('id|name\n', rows), 'a.csv', { encoding, pieceBytes: 777 })
      expect(file.records.length).toBe(3_000)
      expect(file.records[2_999]).toEqual({ id: '2999', name: word })
      expect(file.text.startsWith(`id|name\n0|${word}\n1|`)).toBe(true)
      expect(file.opened.notes).toEqual([
        expect.stringMatching(/^The file is \S+; it will be stored as UTF-8/),
      ])
    },
  )

  test('SHD16 JSON, lines of text and a header may be in another encoding too', () => {
    const coded = bytes('{"caf', [0xe9], '":"', [0xe9], '"}\n')
    expect(openFile(coded, 'a.ndjson', { encoding: 'windows-1252' }).records).toEqual([{ café: 'é' }])
    expect(openFile(bytes([0xe9, 13, 0xe8]), 'a.txt', { encoding: 'cp1252' }).records).toEqual(['é', 'è'])
    const { format } = openFile(bytes('caf', [0xe9], ';b\n1;2\n'), 'a.csv', { encoding: 'l1' }).opened
    expect(format).toMatchObject({ columns: ['café', 'b'] })
  })

  test('SHD16 a byte order mark says more than anybody', () => {
    const utf16 = bytes(
      [0xff, 0xfe],
      [...'a,b\n1,é\n'].flatMap((sign) => [sign.charCodeAt(0), 0]),
    )
    for (const encoding of [undefined, 'windows-1252', 'utf-16be', 'utf-8']) {
      const file = openFile(utf16, 'a.csv', encoding === undefined ? {} : { encoding })
      expect(file.records).toEqual([{ a: '1', b: 'é' }])
    }
    const marked = bytes([0xef, 0xbb, 0xbf], 'a,b\n1,é\n')
    expect(openFile(marked, 'a.csv', { encoding: 'windows-1252' }).records).toEqual([{ a: '1', b: 'é' }])
    expect(openFile(utf16.subarray(2), 'a.csv', { encoding: 'utf-16' }).records).toEqual([{ a: '1', b: 'é' }])
  })

  test.each([
    ['a.csv', 'a,b\n', '1,2\r\n'],
    ['a.csv', 'a,b\n', '1,"x\ny"\n'],
    ['a.txt', '', 'x\r'],
    ['a.ndjson', '', '{"a":1}\n'],
  ])(
    'SHD2 what is no UTF-8 in %s is refused with its line, wherever it is, and what can be said',
    (name, head, row) => {
      for (const count of [1, 50, 40_000]) {
        const before = head + row.repeat(count)
        const line = before.split(/\r\n|\r|\n/).length
        const message = expect.stringMatching(new RegExp(`^line ${line} \\(byte \\d+\\).*windows-1252`))
        const content = bytes(before, [0x63, 0xe9, 10], row)
        expect(failure(content, name)).toMatchObject({ code: 'not-text', message })
      }
    },
  )

  test('SHD2 in NDJSON the line and the byte are named wherever they are, and an end inside a character too', () => {
    const line = '{"a":"é"}\n'
    const lineBytes = line.length + 1
    for (const mark of ['', '\ufeff'])
      for (const bad of [0, 1, 400, 20_000, 39_999])
        for (const pieceBytes of [997, 1_000_000]) {
          const content = new TextEncoder().encode(mark + line.repeat(40_000))
          const at = (mark ? 3 : 0) + bad * lineBytes + 6
          content[at + 1] = 0x41
          const refused = expect.objectContaining({
            code: 'not-text',
            message: expect.stringContaining(`line ${bad + 1} (byte ${at + 2}) is not valid UTF-8`),
          })
          expect(() => openFile(content, 'a.ndjson', { pieceBytes })).toThrow(refused)
        }
    const cut = new TextEncoder().encode(line.repeat(20_000)).slice(0, -4)
    expect(failure(cut, 'a.ndjson')).toMatchObject({ message: expect.stringContaining('inside a character') })
  })

  test('SHD2 of a JSON array the byte is named, since its lines are not kept', () => {
    const content = bytes(`[${'{"a":1},\n'.repeat(20_000)}"`, [0xe9], '"]')
    expect(failure(content, 'a.json')).toMatchObject({ message: expect.stringMatching(/^byte \d+ is not/) })
  })

  test('SHD2 what is not in the encoding that is said is refused by its name', () => {
    expect(failure(bytes('a,b\n1,', [0x81, 10]), 'a.csv', { encoding: 'shift_jis' })).toMatchObject({
      code: 'not-text',
      message: expect.stringContaining('shift_jis'),
    })
    expect(failure(bytes('a,b\n1,', [0], '\n'), 'a.csv', { encoding: 'windows-1252' })).toMatchObject({
      message: expect.stringContaining('binary'),
    })
  })

  test.each([
    Number.NaN,
    -1,
    2 ** 53,
    '',
    '\ud800',
    '__proto__',
    'utf-7',
    new Uint8Array(3),
    null,
    'x'.repeat(1e6),
    {},
  ])('SHD16 the encoding %j is refused by name', async (encoding) => {
    expect(() => checkReadOptions({ encoding: encoding as string })).toThrow(/encoding/)
    const preview = previewSource('a.csv', new Blob(['a,b\n']), { encoding: encoding as string })
    await expect(preview).rejects.toMatchObject({ code: 'bad-option' })
  })

  test('SHD16 a preview shows the effect', async () => {
    const blob = new Blob([bytes('stadt;n\nZ', [0xfc], 'rich;1\n')])
    await expect(previewSource('a.csv', blob)).rejects.toMatchObject({ code: 'not-text' })
    expect(await previewSource('a.csv', blob, { encoding: 'latin1' })).toMatchObject({
      encoding: 'windows-1252',
      records: [{ stadt: 'Zürich', n: '1' }],
    })
  })
})
