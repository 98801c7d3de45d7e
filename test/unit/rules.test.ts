import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
/** The letters of rule ids, by the README that states them. */
const FAMILIES =
  'BAS|WIR|STO|PRO|TRN|HSK|INV|LNK|MEM|RPC|PLC|MSG|QUE|SEL|SHD|JOB|SCH|SBX|NODE|PAGE|SIG|UI|FIL|RCT|PKG'
const ID = new RegExp(`\\b(?:${FAMILIES})\\d+\\b`, 'g')
const RANGE = new RegExp(`\\b(${FAMILIES})(\\d+) to \\1(\\d+)`, 'g')
/** A title begins with the ids of what it shows. */
const TITLE = new RegExp(`['"\`]((?:(?:${FAMILIES})\\d+[:,]? ?)+)`, 'g')

function idsIn(text: string): string[] {
  const ranges = [...text.matchAll(RANGE)].flatMap(([, family, from, to]) =>
    Array.from({ length: Number(to) - Number(from) + 1 }, (_, n) => `${family}${Number(from) + n}`),
  )
  return [...ranges, ...(text.match(ID) ?? [])]
}

function read(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => readFileSync(join(ROOT, folder, file), 'utf8'))
}

const stated = new Set(
  [...read('web', 'README.md'), ...read('signaling', 'README.md'), ...read('package', 'README.md')].flatMap(
    idsIn,
  ),
)
const tested = new Set(
  read('test', '.ts').flatMap((text) => [...text.matchAll(TITLE)].flatMap(([, ids]) => idsIn(ids ?? ''))),
)

describe('rules', () => {
  test('each that a README states has a test that carries its id', () => {
    expect([...stated].filter((id) => !tested.has(id)).sort()).toEqual([])
  })

  test('each that a test carries is stated in a README', () => {
    expect([...tested].filter((id) => !stated.has(id)).sort()).toEqual([])
  })
})
