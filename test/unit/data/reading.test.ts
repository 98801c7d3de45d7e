import { describe, expect, test } from 'vitest'
import type { ReadOptions } from '../../../web/data/index.ts'
import { readFormat } from '../../../web/data/messages.ts'
import { previewSource } from '../../../web/data/preview.ts'
import { checkReadOptions } from '../../../web/data/read-options.ts'
import { openFile } from '../../support/open-file.ts'

const columnsOf = ({ opened }: ReturnType<typeof openFile>) =>
  opened.format?.kind === 'csv' ? opened.format.columns : undefined
const failure = (content: string, name: string, options: ReadOptions = {}) => {
  try {
    openFile(content, name, options)
  } catch (error) {
    return error
  }
  return undefined
}

describe('quotes', () => {
  test('SHD1 a field whose closing quote is followed by text is as it is written', () => {
    const rows = Array.from({ length: 10_000 }, (_, n) => `python${n}\t"Quoted Word" rest\n`).join('')
    const file = openFile(`a\tb\n${rows}`, 'words.tsv', { pieceBytes: 50_000 })
    expect(file.records.length).toBe(10_000)
    expect(file.counted).toBe(10_000)
    expect(file.records[7]).toEqual({ a: 'python7', b: '"Quoted Word" rest' })
    expect(file.odd).toEqual({ 'stray-quote': 10_000 })
    const bolts = openFile('a,b,c\n1,"Bolt 3" long,7\n2,"a,b" c,8\n', 'a.csv')
    expect(bolts.records).toEqual([
      { a: '1', b: '"Bolt 3" long', c: '7' },
      { a: '2', b: '"a,b" c', c: '8' },
    ])
  })

  test('SHD1 one stray quote swallows no row, wherever the next quote is', () => {
    const text = `a,b\n1,"stray\n${'2,3\n'.repeat(5_000)}4,"fine, too"\n${'5,"x" y\n'.repeat(10)}`
    const file = openFile(text, 'a.csv')
    expect(file.records.length).toBe(5_012)
    expect(file.records[0]).toEqual({ a: '1', b: '"stray' })
    expect(file.records[5_001]).toEqual({ a: '4', b: 'fine, too' })
    expect(file.opened.odd).toEqual([{ kind: 'stray-quote', count: 11, lines: [2, 5004, 5005, 5006, 5007] }])
    expect(file.opened.notes[0]).toContain('no quoting')
    expect(openFile(text, 'a.csv', { quote: '' }).odd).toEqual({ 'more-fields': 1 })
  })

  test('SHD1 a quoted field of more than a hundred lines is named', () => {
    const file = openFile(`a,b\n1,"${'x\n'.repeat(101)}"\n2,"${'x\n'.repeat(100)}"\n`, 'a.csv')
    expect(file.records.length).toBe(2)
    expect(file.opened.odd).toEqual([{ kind: 'long-quote', count: 1, lines: [2] }])
  })
})

describe('line ends', () => {
  test('SHD1 CR LF, LF and CR in one file each end a row, and no field keeps one', () => {
    const ends = ['\r\n', '\n', '\r']
    const rows = Array.from({ length: 10_000 }, (_, n) => `${n},x${ends[n % 3]}`).join('')
    for (const head of ['a,b\r\n', 'a,b\n', 'a,b\r']) {
      const file = openFile(head + rows, 'a.csv', { pieceBytes: 777 })
      expect(file.counted).toBe(10_000)
      expect(file.records.length).toBe(10_000)
      expect(file.records.every((record) => (record as { b: string }).b === 'x')).toBe(true)
      expect(columnsOf(file)).toEqual(['a', 'b'])
      expect(file.text).toBe(head + rows)
    }
  })

  test('SHD1 so it is in text and NDJSON', () => {
    expect(openFile('a\rb\nc\r\nd', 'a.txt', { pieceBytes: 1 }).records).toEqual(['a', 'b', 'c', 'd'])
    const values = openFile('{"a":1}\r{"a":2}\n{"a":3}\r\n', 'a.ndjson', { pieceBytes: 1 })
    expect(values.records).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }])
    expect(values.counted).toBe(3)
  })
})

describe('delimiter, header and comments', () => {
  test.each([
    ['a;b\n1;2\n', { quote: ';' }],
    ['a;b\n1;2\n', { comment: ';' }],
    ['sep="\na;b\n1;2\n', {}],
    ['sep=#\na,b\n1,2\n', { comment: '#' }],
    ['a,b\n1,2\n', { quote: ',' }],
  ] as const)(
    'SHD15 %j with %j has a delimiter that is no other sign, so that everybody takes its format',
    (text, options) => {
      const { opened } = openFile(text, 'a.csv', options)
      expect(readFormat(opened.format)).toEqual(opened.format)
    },
  )

  test('SHD15 a format whose signs are not three is refused by name, and never announced', () => {
    const signs = { code: 'bad-option', message: expect.stringContaining('say `delimiter`') }
    expect(failure('a;b\n1;2\n', 'a.csv', { delimiter: ';', quote: ';' })).toMatchObject(signs)
    expect(failure('a;b\n1;2\n', 'a.csv', { quote: '#', comment: '#' })).toMatchObject(signs)
  })

  test('SHD3 a text that begins with a brace is no JSON for that', () => {
    const rtf = `{\\rtf1 ${'x'.repeat(120_000)}}`
    expect(openFile(rtf, 'letter', { pieceBytes: 1_000_000 }).opened.format?.kind).toBe('text')
    expect(openFile(`[ hello\n${'x\n'.repeat(50_000)}`, 'note').opened.format?.kind).toBe('text')
    expect(openFile(`[\n${'{"a": 1},\n'.repeat(50_000)}{"a": 2}]`, 'rows').records).toHaveLength(50_001)
  })

  test('SHD3 what is guessed is guessed from 64 KiB, however large the first piece is', () => {
    // One kind of row so far, and another behind.
    const text = `${'a;b\n'.repeat(16_384)}${'a,b,c,d,e,f\n'.repeat(100_000)}`
    for (const pieceBytes of [65_536, 2_000_000])
      expect(openFile(text, 'a.csv', { pieceBytes }).opened.format).toMatchObject({ delimiter: ';' })
  })

  test('SHD3 of a long first line no more is looked at than a header may have', () => {
    const text = `${'x'.repeat(1_200_000)}\n${'a;b\n'.repeat(100)}`
    const { format } = openFile(text, 'a.csv', { header: false, pieceBytes: 2_000_000 }).opened
    expect(format).toMatchObject({ columns: ['column1'] })
  })

  test.each<[string, string, string]>([
    ['a.csv', 'Price (net, EUR);Price (gross, EUR)\n12,50;14,90\n8,00;9,52\n', ';'],
    ['a.csv', 'id;text\n1;a, b, c\n2;d\n3;e, f\n', ';'],
    ['a.csv', 'id,tags\n1,a;b\n2,c;d\n', ','],
    ['a.csv', `id,text\n${'1,x\n'.repeat(12)}${'2,a\tb\n'.repeat(50)}`, ','],
    ['a.tsv', 'id\ttext\n1\ta, b, c\n2\td, e, f\n', '\t'],
    ['a.tsv', 'id\n1\n2\n', '\t'],
    ['a.tsv', 'id;n\n1;2\n3;4\n', ';'],
    ['a.csv', 'a|b\n1|2\n', '|'],
    ['a.csv', 'sep=;\nx,y\n1,2\n', ';'],
    ['a.csv', 'SEP=|\r\nx|y,z\r\n1|2,3\r\n', '|'],
    ['a.csv', 'Sales of 2024\n\nid;name\n1;a\n2;b\n', ';'],
  ])('SHD3 the delimiter of %s %j', (name, text, delimiter) => {
    expect(openFile(text, name).opened.format).toMatchObject({ delimiter })
  })

  test('SHD3 a line sep= is no record, and export still has it', () => {
    const text = 'sep=;\r\nx;y\r\n1;2\r\n'
    const file = openFile(text, 'a.csv')
    expect(columnsOf(file)).toEqual(['x', 'y'])
    expect(file.records).toEqual([{ x: '1', y: '2' }])
    expect(file.text).toBe(text)
    expect(openFile(text, 'a.csv', { header: false }).records).toEqual([
      { column1: 'x', column2: 'y' },
      { column1: '1', column2: '2' },
    ])
  })

  test('SHD3 every option of reading does what it says', () => {
    const text = 'made by x\n# note\na*b\n1*2\n# said\n3*|4*5|\n'
    const options = { delimiter: '*', quote: '|', comment: '#', skipLines: 1 }
    const file = openFile(text, 'a.csv', options)
    expect(file.records).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4*5' },
    ])
    expect(file.odd).toEqual({ comment: 2 })
    expect(file.text).toBe(text)
    const bare = openFile('1,2\n3,4,5\n6\n', 'a.csv', { header: false })
    expect(bare.records).toEqual([
      { column1: '1', column2: '2' },
      { column1: '3', column2: '4', column3: '5' },
      { column1: '6' },
    ])
    expect(bare.text).toBe('1,2\n3,4,5\n6\n')
    expect(openFile('a,b\n', 'no ending', { header: true }).opened.format?.kind).toBe('csv')
  })

  test('SHD3 a header line over 64 KiB works, one over 1 MiB is refused by its limit', () => {
    const names = Array.from({ length: 4_096 }, (_, n) => `a long name of a column, ${n}`)
    const header = `${names.map((name) => `"${name}"`).join(';')}\r\n`
    expect(header.length).toBeGreaterThan(64 * 1024)
    const row = `${names.map((_, n) => n).join(';')}\r\n`
    const file = openFile(header + row.repeat(3), 'a.csv', { pieceBytes: 65_536 })
    expect(columnsOf(file)).toEqual(names)
    expect(file.records.length).toBe(3)
    expect(file.odd).toEqual({})
    const wide = names.map((name) => name.padEnd(400, 'x')).join(',')
    expect(failure(`${wide}\n1\n`, 'a.csv')).toMatchObject({
      code: 'record-too-large',
      message: expect.stringContaining('1 MiB'),
    })
    expect(failure(`${'a,'.repeat(4_096)}\n`, 'a.csv')).toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/4097 columns.*4096/),
    })
  })

  test.each<[string, unknown]>([
    ['delimiter', ''],
    ['delimiter', '||'],
    ['delimiter', 'é'],
    ['delimiter', '\n'],
    ['delimiter', '\ud800'],
    ['delimiter', 44],
    ['quote', '""'],
    ['quote', null],
    ['comment', '//'],
    ['header', 1],
    ['header', 'no'],
    ['skipLines', -1],
    ['skipLines', Number.NaN],
    ['skipLines', Number.POSITIVE_INFINITY],
    ['skipLines', 1_001],
    ['skipLines', 2 ** 53],
    ['skipLines', '1'],
    ['format', 'xml'],
    ['format', '__proto__'],
    ['schema', 'number'],
    ['schema', []],
    ['schema', new Uint8Array(9)],
  ])('SHD3 the option %s is never %j', (name, value) => {
    expect(() => checkReadOptions({ [name]: value } as ReadOptions)).toThrow(
      expect.objectContaining({ code: 'bad-option', message: expect.stringContaining(name) }),
    )
  })

  test('SHD3 options of CSV are refused for another format, and mean CSV where none is named', () => {
    for (const options of [{ delimiter: ';' }, { header: false }, { skipLines: 0 }, { comment: '' }])
      expect(() => checkReadOptions({ format: 'text', ...options })).toThrow(/option of CSV/)
    expect(openFile('1;2\n', 'a.txt', { delimiter: ';', header: false }).records).toEqual([
      { column1: '1', column2: '2' },
    ])
  })
})

describe('JSON', () => {
  test('SHD3 what a number would round, or take for infinite, keeps its digits as text', () => {
    const ids = Array.from({ length: 1_000 }, (_, n) => `9007199254741${String(n).padStart(3, '0')}`)
    const file = openFile(ids.map((id) => `{"id":${id},"n":9007199254740991}\n`).join(''), 'a.ndjson')
    expect(new Set(file.records.map((record) => (record as { id: unknown }).id))).toEqual(new Set(ids))
    expect(file.records[0]).toEqual({ id: ids[0], n: 9_007_199_254_740_991 })
    expect(file.odd).toEqual({ 'number-as-text': 1_000 })
    const line =
      '{"a":[1e400,-1E+400,1e308,123456789012345678.5,-9007199254740993],"9007199254740993":"9007199254740993 \\" 1e400"}'
    expect(openFile(`${line}\n`, 'a.jsonl').records).toEqual([
      {
        a: ['1e400', '-1E+400', 1e308, Number('123456789012345678.5'), '-9007199254740993'],
        '9007199254740993': '9007199254740993 " 1e400',
      },
    ])
    expect(failure('{"a":09007199254740993}\n', 'a.ndjson')).toMatchObject({ code: 'bad-record' })
  })

  test('SHD3 what needs a closer look is found at every place of a file, whatever is around it', () => {
    const bigs = ['1234567890123456789', '-9007199254740993', '1e400', '-1E+309', '0.5e4000']
    for (let shift = 0; shift < 40; shift++) {
      for (const big of bigs) {
        const line = `{"${'k'.repeat(shift)}":12.5,"n":[${big}],"t":1700000000000}\n`
        const file = openFile(`{"a":1}\n${line}{"a":2}\n`, 'a.ndjson', { pieceBytes: 7 })
        expect(file.records[1]).toMatchObject({ n: [big] })
        expect(file.odd).toEqual({ 'number-as-text': 1 })
        expect(file.opened.format).toEqual({ kind: 'ndjson' })
      }
    }
  })

  test('SHD3 a file of plain values says so, so that no reader looks again', () => {
    const lines = '{"id":"1234567890123456789","f":0.12345678901234567,"h":"3e100f","at":1700000000000}\n'
    const { opened } = openFile(lines.repeat(500), 'a.ndjson')
    expect(opened.format).toEqual({ kind: 'ndjson', exact: true })
    expect(readFormat(opened.format)).toEqual({ kind: 'ndjson', exact: true })
    expect(readFormat({ kind: 'ndjson', exact: 'yes' })).toEqual({ kind: 'ndjson' })
  })

  test.each([
    '{1234567890123456789:1}',
    '{"a":01234567890123456789}',
    '[1 12345678901234567890]',
    '{"a":-1e400x}',
  ])('SHD2 %s is no JSON, and no digits kept as text make it so', (line) => {
    expect(failure(`{"a":1}\n${line}\n`, 'a.ndjson')).toMatchObject({ code: 'bad-record' })
  })

  test('SHD3 half a character becomes U+FFFD, whole ones and backslashes stay', () => {
    const line = '{"a":"x\\ud83dy","b":"\\ud83d\\ude00","c":"\\\\ud83d","\\udc00":1}'
    const file = openFile(`${line}\n`, 'a.ndjson')
    expect(file.records).toEqual([{ a: 'x\ufffdy', b: '😀', c: '\\ud83d', '\ufffd': 1 }])
    expect(file.odd).toEqual({ 'replaced-character': 1 })
  })

  test('SHD3 so it is in a record of millions of escapes, or of numbers', () => {
    const text = '\\n'.repeat(3_000_000)
    const [record] = openFile(`{"a":"${text}","id":12345678901234567890}\n`, 'a.ndjson', {
      pieceBytes: 2 ** 20,
    }).records
    expect((record as { id: string }).id).toBe('12345678901234567890')
    expect((record as { a: string }).a.length).toBe(3_000_000)
    const numbers = `[${'12345678901234567,'.repeat(200_000)}1]`
    const [list] = openFile(numbers, 'a.ndjson', { pieceBytes: 2 ** 20 }).records as unknown[][]
    expect(list?.length).toBe(200_001)
  })

  test('SHD3 a blank line has only what JSON calls white space: everything else is counted or named', () => {
    const file = openFile('{"a":1}\n \t\r\n\n[2]', 'a.ndjson')
    expect(file.records.length).toBe(2)
    expect(file.counted).toBe(2)
    expect(file.odd).toEqual({ 'blank-line': 2 })
    for (const line of ['\u00a0', '\u000b', '\ufeff', '\u2028'])
      expect(failure(`{"a":1}\n${line}\n{"a":2}\n`, 'a.ndjson')).toMatchObject({
        code: 'bad-record',
        message: expect.stringContaining('line 2'),
      })
  })

  const VALUES = [{ a: '],[{"', b: [1, [2]] }, 'x, "y"', 3.5, null, [], {}, { c: 'two\nlines \\' }]

  test.each<[string, string, string]>([
    ['one line', 'a.json', JSON.stringify(VALUES)],
    ['pretty-printed', 'a.json', JSON.stringify(VALUES, undefined, 2)],
    ['with CR LF and tabs', 'a.json', JSON.stringify(VALUES, undefined, '\t').replaceAll('\n', '\r\n')],
    ['an element a line', 'a.json', `[\n${VALUES.map((value) => JSON.stringify(value)).join(',\n')}\n]\n`],
    ['pretty-printed, without a name', 'data', JSON.stringify(VALUES, undefined, 2)],
    [
      'pretty-printed values',
      'a.json',
      VALUES.map((value) => JSON.stringify(value, undefined, 2)).join('\n'),
    ],
    ['NDJSON', 'a.json', VALUES.map((value) => `${JSON.stringify(value)}\n`).join('')],
    [
      'values without space',
      'a.json',
      '{"a":"],[{\\"","b":[1,[2]]}"x, \\"y\\""3.5 null[]{}{"c":"two\\nlines \\\\"}',
    ],
    [
      'pretty-printed NDJSON',
      'a.ndjson',
      VALUES.map((value) => JSON.stringify(value, undefined, 2)).join('\n'),
    ],
  ])('SHD3 each element of an array, or value of a file, is a record: %s', (_, name, text) => {
    for (const pieceBytes of [1, 7, 100_000]) {
      const file = openFile(text, name, { pieceBytes })
      expect(file.records).toEqual(VALUES)
      expect(file.counted).toBe(VALUES.length)
      expect(file.opened.format).toMatchObject({ kind: 'ndjson' })
    }
  })

  test('SHD3 an object of several lines is one record, lines of arrays are records', () => {
    expect(openFile('{\n "type": "x",\n "features": [1, 2]\n}\n', 'a.geojson').records).toEqual([
      { type: 'x', features: [1, 2] },
    ])
    expect(openFile('[1,2]\n[3]\n', 'a.json').records).toEqual([[1, 2], [3]])
    expect(openFile('[1,2]\n', 'a.ndjson').records).toEqual([[1, 2]])
    expect(openFile('[]', 'a.json').records).toEqual([])
    expect(openFile('[1,2]', 'data', { format: 'ndjson' }).records).toEqual([1, 2])
    expect(openFile('[2024-01-01] started\n[2024-01-02] ended\n', 'a').opened.format?.kind).toBe('text')
  })

  test.each([
    ['an end within', '[{"a":1},{"a":', 'ends within'],
    ['a missing element', '[1,,2]', 'record 2'],
    ['a comma at the end', '[1,2,]', 'record 3'],
    ['a missing comma', '[1 2]', 'record 1'],
    ['text behind it', '[1,2] x', 'follows the end'],
    ['an element that is none', '[1,{"a":]}]', 'record 2'],
  ])('SHD2 a JSON array with %s is refused with the place', (_, text, message) => {
    expect(failure(text, 'a.json')).toMatchObject({
      code: 'bad-record',
      message: expect.stringContaining(message),
    })
  })

  test('SHD2 a large array is held no longer than a shard', () => {
    const element = `${JSON.stringify({ id: 1, text: 'x'.repeat(1000) }, undefined, 2)},\n`
    const file = openFile(`[${element.repeat(5_000)}{}]`, 'a.json', {
      pieceBytes: 65_536,
      shardBytes: 65_536,
    })
    expect(file.records.length).toBe(5_001)
  })
})

describe('columns', () => {
  test('SHD3 surplus fields are under a name that no column has', () => {
    const file = openFile('__parsed_extra,__parsed_extra_1\n1,2,3\n', 'a.csv')
    expect(file.records).toEqual([{ __parsed_extra: '1', __parsed_extra_1: '2', __parsed_extra_2: ['3'] }])
    expect(file.opened.notes[0]).toContain('__parsed_extra_2')
  })

  test('SHD3 repeated names lose nothing', () => {
    const file = openFile('a,a,a_1,,a,\n1,2,3,4,5,6\n', 'a.csv')
    expect(columnsOf(file)).toEqual(['a', 'a_2', 'a_1', '', 'a_3', '_1'])
    expect(file.records).toEqual([{ a: '1', a_2: '2', a_1: '3', '': '4', a_3: '5', _1: '6' }])
  })

  test('SHD3 a header alone is a dataset of no rows', () => {
    for (const text of ['a,b', 'a,b\n', 'a,b\r\n\r\n', '# x\na,b\n']) {
      const file = openFile(text, 'a.csv', { comment: '#' })
      expect(columnsOf(file)).toEqual(['a', 'b'])
      expect(file.records).toEqual([])
      expect(file.counted).toBe(0)
      expect(file.text).toBe(text)
    }
    expect(failure('# x\n\n', 'a.csv', { comment: '#' })).toMatchObject({ code: 'empty' })
  })

  test('SHD3 numbers as names keep their order, in a preview and its suggestions too', async () => {
    const preview = await previewSource('a.csv', new Blob(['name,2020,10,2019\nx,1,2,3\n']))
    expect(preview.format).toMatchObject({ columns: ['name', '2020', '10', '2019'] })
    expect(preview.records).toEqual([{ name: 'x', '2020': '1', '10': '2', '2019': '3' }])
  })

  test('SHD3 a preview reports what it saw, and takes the options of an add', async () => {
    const blob = new Blob(['x\n1;2\n\n3;"4" y;5\n'])
    const preview = await previewSource('a.txt', blob, { delimiter: ';', header: false, skipLines: 1 })
    expect(preview.records).toEqual([
      { column1: '1', column2: '2' },
      { column1: '3', column2: '"4" y', column3: '5' },
    ])
    expect(preview.odd).toEqual([
      { kind: 'stray-quote', count: 1, lines: [4] },
      { kind: 'fewer-fields', count: 1, lines: [2] },
      { kind: 'blank-line', count: 1, lines: [3] },
    ])
    expect(preview.notes.length).toBe(3)
    const wrong = previewSource('a.txt', blob, { skipLines: -1 })
    await expect(wrong).rejects.toMatchObject({ code: 'bad-option' })
    await expect(previewSource('a', 'text' as never)).rejects.toMatchObject({ code: 'bad-option' })
  })
})
