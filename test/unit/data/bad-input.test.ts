import { describe, expect, test } from 'vitest'
import { OpenedSource } from '../../../web/data/opened-source.ts'
import { previewSource } from '../../../web/data/preview.ts'
import { recordBatches } from '../../../web/data/records.ts'
import { readSource } from '../../../web/data/source.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const utf16 = (text: string, isBig: boolean) => {
  const bytes = new Uint8Array(text.length * 2)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), !isBig)
  return bytes
}

/** Everything that a file becomes, read in pieces of this size. */
function open(bytes: Uint8Array, name: string, pieceBytes = 1000, options: object = {}) {
  const opened = new OpenedSource({ name, shardBytes: 4096, ...options })
  const shards = []
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
    shards.push(...opened.push(bytes.slice(at, at + pieceBytes)))
  }
  shards.push(...opened.finish())
  const { format } = opened
  const records = format ? shards.flatMap((shard) => [...recordBatches(shard.bytes, format)].flat()) : []
  return { opened, shards, records }
}

function failure(bytes: Uint8Array, name: string, options: object = {}): unknown {
  try {
    open(bytes, name, 1000, options)
    return undefined
  } catch (error) {
    return error
  }
}

describe('bad input', () => {
  test('SHD2 an empty file and one of blank lines are empty', () => {
    expect(failure(utf8(''), 'a.csv')).toMatchObject({ code: 'empty' })
    expect(failure(utf8('\n\n\n'), 'a.csv')).toMatchObject({ code: 'empty' })
    expect(failure(utf8(' \n'), 'a.ndjson')).toMatchObject({ code: 'empty' })
    expect(failure(utf8(''), 'a.txt')).toMatchObject({ code: 'empty' })
  })

  test('SHD2 binary files are not text, and the message says where', () => {
    const zip = new Uint8Array([0x50, 0x4b, 3, 4, 0, 0, 8, 0])
    expect(failure(zip, 'a.csv')).toMatchObject({
      code: 'not-text',
      message: expect.stringContaining('byte 5'),
    })
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47])
    expect(failure(png, 'a.txt')).toMatchObject({
      code: 'not-text',
      message: expect.stringContaining('(byte 1) '),
    })
    const late = new Uint8Array(200_000).fill(97)
    late[150_000] = 0
    expect(failure(late, 'a.txt')).toMatchObject({ message: expect.stringContaining('byte 150001') })
    late[150_000] = 0xff
    expect(failure(late, 'a.txt')).toMatchObject({ message: expect.stringContaining('byte 150001') })
    expect(failure(utf8('abc é').slice(0, -1), 'a.txt')).toMatchObject({ code: 'not-text' })
  })

  test('SHD2 characters that two pieces share are whole', () => {
    const text = 'é—😀,ü\n'.repeat(30_000)
    for (const pieceBytes of [1, 7, 65_537]) {
      const { records } = open(utf8(text.slice(0, pieceBytes === 1 ? 700 : undefined)), 'a.txt', pieceBytes)
      expect(new Set(records)).toEqual(new Set(['é—😀,ü']))
    }
  })

  test('SHD2 a byte order mark is no part of the first column', () => {
    const { opened, records } = open(utf8('\ufeffa,b\n1,2\n'), 'a.csv', 1)
    expect(opened.format).toMatchObject({ columns: ['a', 'b'] })
    expect(records).toEqual([{ a: '1', b: '2' }])
  })

  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('SHD2 UTF-16 becomes UTF-8 (mark %s, big endian %s)', (hasMark, isBig) => {
    const text = `${hasMark ? '\ufeff' : ''}name,city\nAda,Zürich\n${'Grace,New York 😀\n'.repeat(5000)}`
    const { opened, records } = open(utf16(text, isBig), 'a.csv', 999)
    expect(opened.encoding).toBe(isBig ? 'utf-16be' : 'utf-16le')
    expect(records.length).toBe(5001)
    expect(records[0]).toEqual({ name: 'Ada', city: 'Zürich' })
    expect(records[5000]).toEqual({ name: 'Grace', city: 'New York 😀' })
  })

  test('SHD2 a line of 100 MB is refused by its number', () => {
    const opened = new OpenedSource({ name: 'a.txt', shardBytes: 65_536 })
    opened.push(utf8('one\n'))
    const piece = new Uint8Array(2 ** 20).fill(97)
    expect(() => {
      for (let i = 0; i < 100; i++) opened.push(piece.slice())
    }).toThrow(
      expect.objectContaining({ code: 'record-too-large', message: expect.stringContaining('record 2') }),
    )
  })

  test('SHD1 a quote that is never closed swallows no row, and is named', () => {
    const text = `a,b\n1,"open\n${'2,3\n'.repeat(3_000)}`
    const { opened, records } = open(utf8(text), 'a.csv')
    expect(records.length).toBe(3_001)
    expect(records[0]).toEqual({ a: '1', b: '"open' })
    expect(opened.odd).toEqual([{ kind: 'stray-quote', count: 1, lines: [2] }])
  })

  test('SHD2 a line that is no JSON is named', () => {
    const lines = Array.from({ length: 1000 }, (_, i) => (i === 700 ? '{"a":' : `{"a":${i}}`))
    expect(failure(utf8(lines.join('\n')), 'a.ndjson')).toMatchObject({
      code: 'bad-record',
      message: expect.stringContaining('record 701 (line 701)'),
    })
  })

  test('SHD2 a schema for no column, of no type or for text is a bad option', () => {
    expect(failure(utf8('a\n1\n'), 'a.csv', { schema: { b: 'number' } })).toMatchObject({
      code: 'bad-option',
    })
    expect(failure(utf8('a\n1\n'), 'a.csv', { schema: { a: 'date' } })).toMatchObject({ code: 'bad-option' })
    expect(failure(utf8('a\n1\n'), 'a.txt', { schema: { a: 'number' } })).toMatchObject({
      code: 'bad-option',
    })
  })

  test('SHD2 a file that changed while it was read is said to have changed', async () => {
    const read = async (blob: Blob) => {
      for await (const _chunk of readSource(blob, new AbortController().signal));
    }
    const unreadable = new Blob(['abc'])
    unreadable.slice = () => {
      const piece = new Blob(['abc'])
      piece.arrayBuffer = () => Promise.reject(new DOMException('changed', 'NotReadableError'))
      return piece
    }
    await expect(read(unreadable)).rejects.toMatchObject({ code: 'file-changed' })
    const shorter = new Blob(['abc'])
    shorter.slice = () => {
      const piece = new Blob(['abc'])
      piece.arrayBuffer = async () => new ArrayBuffer(1)
      return piece
    }
    await expect(read(shorter)).rejects.toMatchObject({ code: 'file-changed' })
  })
})

describe('formats', () => {
  test.each([
    ['a.csv', 'x;y\n1;2\n', { kind: 'csv', delimiter: ';', columns: ['x', 'y'] }],
    ['a.tsv', 'x\ty\r\n1\t2\r\n', { kind: 'csv', delimiter: '\t', columns: ['x', 'y'] }],
    ['a.csv', 'x\n1\n2\n', { kind: 'csv', delimiter: ',', columns: ['x'] }],
    ['a.csv', '\n\nx,x,x_1\n1,2,3\n', { kind: 'csv', columns: ['x', 'x_2', 'x_1'] }],
    ['data', 'x,y\n1,2\n3,4\n', { kind: 'csv', delimiter: ',' }],
    ['data', '{"a":1}\n{"a":2}\n', { kind: 'ndjson' }],
    ['data', 'Once upon a time.\nThere was, well, a mesh.\nThe end\n', { kind: 'text' }],
    ['a.log', '1,2\n3,4\n', { kind: 'text' }],
  ])('SHD3 the format of %s %j', (name, text, format) => {
    expect(open(utf8(text), name).opened.format).toMatchObject(format)
  })

  test('SHD3 a given format beats name and content', () => {
    expect(open(utf8('1,2\n3,4\n'), 'a.csv', 9, { format: 'text' }).records).toEqual(['1,2', '3,4'])
  })

  test('SHD3 a preview shows the first hundred records, suggests types and tells of ragged rows', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => `${i},0${i},true,x`)
    const text = `n,code,flag,s\n${rows.join('\n')}\n`
    const preview = await previewSource('a.csv', new Blob([text]))
    expect(preview.records.length).toBe(100)
    expect(preview.suggestedSchema).toEqual({ n: 'number', flag: 'boolean' })
    expect(preview.notes).toEqual([])
    const ragged = await previewSource('a.csv', new Blob(['a,b\n1\n1,2,3\n1,2\n']))
    expect(ragged.notes).toEqual([
      '1 row has more fields than there are columns: the rest is in __parsed_extra (line 3)',
      '1 row has fewer fields than there are columns: the last columns are missing there (line 2)',
    ])
    const wide = await previewSource('a.csv', new Blob([utf16('\ufeffa,b\n1,2\n', false)]))
    expect(wide).toMatchObject({ encoding: 'utf-16le', notes: [expect.stringContaining('UTF-16')] })
  })

  test('SHD3 a preview of a large file reads its beginning only', async () => {
    const blob = new Blob([new Uint8Array(2 ** 20).fill(97), '\n', 'b\n'.repeat(10_000_000)])
    let readBytes = 0
    const slice = blob.slice.bind(blob)
    blob.slice = (start, end) => {
      const piece = slice(start, end)
      const inner = piece.slice.bind(piece)
      piece.slice = (from, to) => {
        readBytes += inner(from, to).size
        return inner(from, to)
      }
      return piece
    }
    const preview = await previewSource('a.txt', blob)
    expect(preview.records.length).toBeGreaterThan(0)
    expect(readBytes).toBeLessThan(4 * 2 ** 20)
  })

  test('SHD3 a preview has the errors of an add', async () => {
    await expect(previewSource('a.csv', new Blob([]))).rejects.toMatchObject({ code: 'empty' })
    await expect(previewSource('a.csv', new Blob([new Uint8Array(9)]))).rejects.toMatchObject({
      code: 'not-text',
    })
  })
})
