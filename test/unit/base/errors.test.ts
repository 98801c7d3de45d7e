import { expect, test } from 'vitest'
import { TabmeshError } from '../../../web/base/index.ts'

type ErrorClass = new (code: string, message: string, options?: { cause?: unknown }) => TabmeshError

const files = import.meta.glob<Record<string, unknown>>('../../../web/**/errors.ts', { eager: true })
const classes = Object.entries(files).flatMap(([file, module]) =>
  Object.entries(module).flatMap(([name, value]) =>
    typeof value === 'function' && value.prototype instanceof TabmeshError
      ? [[name, file, value as ErrorClass] as const]
      : [],
  ),
)

test('BAS1: every layer has its class of errors', () => {
  const layers = classes.map(([, file]) => file.split('/')[4])
  expect(new Set(layers)).toEqual(new Set(['compute', 'data', 'mesh', 'messaging', 'storage', 'wire']))
})

test.each(classes)('BAS1: %s (%s) has its name and its code', (name, _, Class) => {
  const error = new Class('closed', 'it has ended')
  expect(error).toBeInstanceOf(Error)
  expect([error.name, error.code, error.message]).toEqual([name, 'closed', 'it has ended'])
})

test('BAS1: an error keeps what it came from', () => {
  const cause = new Error('below')
  expect(new TabmeshError('any', 'above', { cause }).cause).toBe(cause)
})
