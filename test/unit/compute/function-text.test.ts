import { describe, expect, test } from 'vitest'
import { FunctionTextError, formOf, jobScript } from '../../../web/compute/sandbox/function-text.ts'
import { compileJob } from '../../support/compile.ts'

const CALLABLE: readonly string[] = [
  '(record, ctx) => ctx',
  'record => record',
  'async (record) => record',
  'async record => record',
  'async => async',
  'function (record) { return record }',
  'function named(record) { return record }',
  'async function (record) { return record }',
  'map(record) { return record }',
  'async map(record) { return record }',
  'async(record) { return record }'.replace('async(', 'anything('),
  '["computed"](record) { return record }',
  "'quoted name'(record) { return record }",
  'get(record) { return record }',
  '  // a comment\n  /* another */ (record) => record // at the end\n',
  '(record) => record;\n',
  '(record) => /[)}\\]]/.test(`${record})`)',
  'π(record) { return record }',
]

describe('function texts', () => {
  test.each(CALLABLE)('JOB20: %s is a function', (text) => {
    expect(compileJob({ map: text }).map).toBeTypeOf('function')
  })

  test('JOB20: what Function.prototype.toString gives for every form is a function again', () => {
    const object = {
      map(record: unknown) {
        return record
      },
      async slow(record: unknown) {
        return record
      },
      arrow: (record: unknown) => record,
      old: (record: unknown) => record,
    }
    for (const form of Object.values(object))
      expect(compileJob({ map: String(form) }).map).toBeTypeOf('function')
  })

  test.each([
    'function* () {}',
    'async function* () {}',
    '*map() {}',
    'class A {}',
    '',
    '  ',
    '42',
    '`text`',
  ])('JOB21: %s is refused with words', (text) => {
    expect(() => formOf(text)).toThrow(FunctionTextError)
  })

  test.each([
    'x => x); globalThis.escaped = 1; (y => y',
    'x => x]); globalThis.escaped = 1; ([y => y',
    'x => x); function Map() { throw 1 } (y => y',
    'a(x) {}}); globalThis.escaped = 1; ({ b(x) {}',
    'x => x /*',
    'x => x, `',
    'x => x, `${',
    "x => x, '\\",
    'x => x) /* ] */ ; globalThis.escaped = 1; (x => x /*',
  ])('JOB22: %s gains nothing outside its own expression', (text) => {
    const before = Reflect.ownKeys(globalThis).length
    try {
      compileJob({ map: text, combine: '*/ (x) => x', reduce: '/* */ (x) => x' })
    } catch (error) {
      expect(error instanceof SyntaxError || error instanceof FunctionTextError).toBe(true)
    }
    expect('escaped' in globalThis).toBe(false)
    expect(Reflect.ownKeys(globalThis).length).toBe(before)
  })

  test('JOB22: a text that is a comment away from the next stays within its own place', () => {
    const functions = compileJob({
      map: '(x) => x /* ',
      combine: '(key, values) => values.length',
      reduce: '(key) => key',
    })
    expect(functions.combine?.(1, [1, 2], { count: () => {}, params: undefined })).toBe(2)
  })

  test('JOB23: a line of the script is found in the text that it came from', () => {
    const script = jobScript(
      { map: '(x) => {\n  return x\n}', reduce: '(key) => {\n  oops here\n}' },
      'entry',
    )
    const lines = script.text.split('\n')
    const at = lines.findIndex((line) => line.includes('oops')) + 1
    expect(script.locate(at)).toEqual({ name: 'reduce', line: 2 })
    expect(script.locate(lines.findIndex((line) => line.includes('return x')) + 1)).toEqual({
      name: 'map',
      line: 2,
    })
  })
})

test('JOB21: a member named import may be called, and the word may be written; import itself may not', () => {
  for (const call of ['x.import(1)', 'x?.import(1)', 'this.#import(1)', '1..import(1)', 'x.import.meta'])
    expect(formOf(`(x) => ${call}`), call).toBe('expression')
  // Reported of SES (agoric-sdk 43, endo 498 and 773, figma plugin-typings 36).
  for (const text of [
    '(x) => {\n// this is an import\n// of something\nreturn x }',
    '(x) => {\n// import something\nreturn x }',
    '(x) => { /* what we import. Then */ return { import: x } }',
    '(x) => x["import"] ?? "import" + 1',
    '(x) => "import" // (it is late)',
  ])
    expect(formOf(text), text).toBe('expression')
  for (const call of [
    'import("x")',
    '[...import("x")]',
    'f(...import("x"))',
    '{}import("x")',
    '"."+import("x")',
    'import/* a *//* ( */\n// b\n("x")',
    'import <!-- c\n ("x")',
    'import\n--> d\n("x")',
    'import\u00a0\ufeff\u2028("x")',
    'import /* a */ . /* b */ source("x")',
    'import\n.\ndefer("x")',
  ])
    expect(() => formOf(`(x) => ${call}`), call).toThrow(FunctionTextError)
})

test('JOB21: an import is refused by its line, and a text of nothing else at once', () => {
  expect(() => formOf('(x) => {\n\n  return import("x") }')).toThrow('(line 3)')
  expect(() => formOf(`(x) => 1 ${'//import'.repeat(30_000)}`)).toThrow(FunctionTextError)
})
