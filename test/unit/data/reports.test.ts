import { describe, expect, test } from 'vitest'
import type { ReadOptions } from '../../../web/data/index.ts'
import { openFile } from '../../support/open-file.ts'

const BARE: ReadOptions = { header: false }
const LONG = Array.from({ length: 2_047 }, (_, n) => `${n + 1},a\n`).join('')

/** Files that broke other tools, by the public report that has them; the values of the last record. */
const REPORTS: readonly (readonly [string, string, string, ReadOptions, number, readonly unknown[]])[] = [
  [
    'PapaParse#226',
    'a.tsv',
    'edward\t"the rainmaker" norton\te@n.com\n',
    BARE,
    1,
    ['edward', '"the rainmaker" norton', 'e@n.com'],
  ],
  [
    'PapaParse#735',
    'a.csv',
    'id,stop,lat\n1,"C" St - West of 4th St,42\n2,E Barnett Rd,43\n',
    {},
    2,
    ['2', 'E Barnett Rd', '43'],
  ],
  ['PapaParse#112', 'a.csv', 'blue; 6\'5"; $5\nred; 2\'8"; $2\n', BARE, 2, ['red', ' 2\'8"', ' $2']],
  [
    'PapaParse#712',
    'a.tsv',
    '"Hi\n\nIDs: \n0967"\t"This is" is not a movie"\n',
    BARE,
    1,
    ['Hi\n\nIDs: \n0967', '"This is" is not a movie"'],
  ],
  ['PapaParse#432', 'a.csv', 'a,b,c\n1,2,3\n4,"5"5",6\n', {}, 2, ['4', '"5"5"', '6']],
  ['PapaParse#982', 'a.csv', 'c;c;c;c_1\n1;2;3;4\n', {}, 1, ['1', '2', '3', '4']],
  ['pandas#22661', 'a.tsv', '4\t"abc"\t4.3\n5\t"error\t3.3\n', BARE, 2, ['5', '"error', '3.3']],
  ['pandas#15910', 'a.csv', 'a\n1\n"a"b\n', {}, 2, ['"a"b']],
  ['cudf#2398', 'a.csv', 'a,b\n1,/abc\n3,/images"\n4,/def\n', {}, 3, ['4', '/def']],
  ['turicreate#1692', 'a.csv', 'a,b\n"a","b"\n"c","d\n', {}, 2, ['c', '"d']],
  ['duckdb#15143', 'a.csv', '1,2\n4,5\r\n7,8\n', BARE, 3, ['7', '8']],
  ['duckdb#15783', 'a.csv', 'one\rtwo', BARE, 2, ['two']],
  ['duckdb#16251', 'a.csv', `id,value\n${LONG}2048,""","\n`, {}, 2_048, ['2048', '",']],
  ['duckdb#25827', 'a.csv', 'c0\nv0\na;b\n', {}, 2, ['a;b']],
  ['duckdb#16760', 'a.csv', ',,\nx,"test\n123"\na,b\n', { skipLines: 1 }, 1, ['a', 'b']],
  [
    'cpython#119123',
    'a.csv',
    "id;n;g\n1;62.25;['3']\n4;46.5;['112', '112']\n",
    {},
    2,
    ['4', '46.5', "['112', '112']"],
  ],
  [
    'vscode_rainbow_csv#134',
    'a.csv',
    'April 15, 2023;40;25;pending;\nApril 9, 2023;67;25;\n',
    BARE,
    2,
    ['April 9, 2023', '67', '25', ''],
  ],
  ['TableTool#34', 'a.csv', 'Duration;Phase\n6:30;Developer\n1:00;Wash 1\n', {}, 2, ['1:00', 'Wash 1']],
  ['miller#161', 'a.csv', '\ufeff"a","b"\n"1","2"\n', {}, 1, ['1', '2']],
  ['xsv#280', 'a.csv', 'col1,col2,col3\nv1,v2\nv3,v4\n', {}, 2, ['v3', 'v4']],
  ['trentm/json#140', 'a.ndjson', '{"id":1234567890123456789012}\n', {}, 1, ['1234567890123456789012']],
  ['ClickHouse#5770', 'a.json', '[\n  {\n    "url": "a"\n  },\n  {\n    "url": "b"\n  }\n]\n', {}, 2, ['b']],
  ['ClickHouse#60385', 'a.json', '[{"x":1.5e-06}, \n {"x":2}]', {}, 2, [2]],
  ['ClickHouse#1076', 'a.ndjson', '{"a":"x"}\n{"a":"y\u2028z"}\n', {}, 2, ['y\u2028z']],
  ['deephaven-core#1800', 'a.csv', 'A|B|C|\n1|2|3|\n', {}, 1, ['1', '2', '3', '']],
  ['FSharp.Data#688', 'a.csv', 'a,b,c,\n1,2,3\n4,5,6\n', {}, 2, ['4', '5', '6']],
  ['PapaParse#252', 'a.csv', '"a\rb",c\n1,2\n', {}, 1, ['1', '2']],
  [
    'PapaParse#344',
    'a.csv',
    '"column 1","column 2"\n"multi line\r\ntext","so sad"\n"single line text","so happy"',
    {},
    2,
    ['single line text', 'so happy'],
  ],
  ['csv-parser#224', 'a.csv', 'a,a,b\n1,2,3\n', {}, 1, ['1', '2', '3']],
  ['readr#784', 'a.csv', '"Header\nLine Two"\nValue', {}, 1, ['Value']],
  ['CSwiftV#6', 'a.csv', 'h1, h2\n"the\n\nfirst line",second \n', {}, 1, ['the\n\nfirst line', 'second ']],
  [
    'sqlitebrowser#1032',
    'a.csv',
    '"naka, \\"who\'s there?\\" kebab"\n',
    BARE,
    1,
    ['"naka, \\"who\'s there?\\" kebab"'],
  ],
  ['highcharts-editor#201', 'a.csv', '"C 1";"C 2"\n"A";"20,33"\n', {}, 1, ['A', '20,33']],
  ['bilig#32', 'a.csv', 'Account;Amount;Tax\n4000;125,50;20,08\n', {}, 1, ['4000', '125,50', '20,08']],
  [
    'CSV.jl#120',
    'a.csv',
    '1.08 1.74e0 \n1.18 1.56e0 \n',
    { ...BARE, delimiter: ' ' },
    2,
    ['1.18', '1.56e0', ''],
  ],
  ['jsonlint#23', 'a.csv', 'constructor,__proto__,toString\n1,2,3\n', {}, 1, ['1', '2', '3']],
  ['jsonlint#23 (JSON)', 'a.ndjson', '{"constructor":"v","__proto__":1}\n', {}, 1, ['v', 1]],
]

/** Where the place that is refused is in the message. */
const REFUSED: readonly (readonly [string, string, string])[] = [
  ['polars#10041', '{"a":1}\n{"a":NaN}\n{"a":2}\n', 'record 2 (line 2)'],
  ['jsonlite#281', '{"x":+Infinity}\n', 'record 1 (line 1)'],
  ['bun#36029', '{"a":1} {"b":2} {"c":3}\n{"d":4}\n', 'record 1 (line 1)'],
  ['super#4537', '{"a":1}\n{"a":2}\n{"syntaxerror\n', 'record 3 (line 3)'],
  ['yyjsonr#19', '{"a":1}\n\n{"a":2}\n{"a":bad}\n', 'record 3 (line 4)'],
]

/** A quote behind spaces opens no field: what that splits is told, and nothing of it is guessed. */
const BEHIND_SPACES: readonly (readonly [string, string, readonly number[]])[] = [
  ['PapaParse#941', 'n,c,a\nname, 12, "line 1, line 2"\n', [2]],
  ['polars#15011', '"I", "Item", "Cost"\n 6, "Sun, 8 oz",     6.68\n 7, "Glue", 1\n', [1, 1, 2, 3]],
  ['jackson-dataformats-text#643', 'a,b\n"x", "y"\n1,2\n', [2]],
]

describe('files from public reports of other tools', () => {
  test.each(REPORTS)('SHD1 %s loses nothing', (_, name, text, options, count, last) => {
    for (const pieceBytes of [1, 5, 100_000]) {
      const { records, counted } = openFile(text, name, { ...options, pieceBytes })
      expect(records.length).toBe(count)
      expect(counted).toBe(count)
      expect(Object.values(records.at(-1) as object)).toEqual(last)
    }
  })

  test.each(REFUSED)('SHD2 %s is refused, and its place named', (_, text, place) => {
    expect(() => openFile(text, 'a.ndjson', {})).toThrow(
      expect.objectContaining({ code: 'bad-record', message: expect.stringContaining(place) }),
    )
  })

  test.each(BEHIND_SPACES)('SHD3 %s: a quote behind spaces is told', (_, text, lines) => {
    for (const pieceBytes of [1, 5, 100_000]) {
      const { odd } = openFile(text, 'a.csv', { pieceBytes }).opened
      expect(odd.find(({ kind }) => kind === 'stray-quote')?.lines).toEqual(lines)
    }
  })
})
