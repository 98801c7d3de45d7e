import { describe, expect, test } from 'vitest'
import { judge, readSources, type SourceFile } from '../support/layers.ts'

const ROOT = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')

function planted(file: string, text: string, ...others: SourceFile[]): string[] {
  return judge([{ file, text }, ...others])
}

describe('layers', () => {
  test('every import and every name keeps the table', () => {
    const sources = [...readSources(ROOT, 'web'), ...readSources(ROOT, 'signaling')]
    expect(sources.length).toBeGreaterThan(20)
    expect(judge(sources)).toEqual([])
  })

  test.each([
    ['an arrow that points up', 'web/base/clock.ts', "import { a } from '../wire/index.ts'; a()"],
    ['an arrow to a sibling', 'web/data/repair.ts', "import { a } from '../messaging/index.ts'; a()"],
    [
      'an arrow that is a type',
      'web/wire/frame.ts',
      "import type { A } from '../mesh/index.ts'; export type B = A",
    ],
    ['an export from above', 'web/wire/index.ts', "export { a } from '../data/index.ts'"],
    ['an import that waits', 'web/wire/index.ts', "export const a = () => import('../data/index.ts')"],
    ['a way past index.ts', 'web/mesh/room.ts', "import { a } from '../wire/frame.ts'; a()"],
    ['an adapter in the node', 'web/node.ts', "import { a } from './mesh/peerjs/index.ts'; a()"],
    ['a package of another layer', 'web/base/ids.ts', "import { openDB } from 'idb'; openDB('a')"],
    ['signaling in the page', 'web/ui/app.tsx', "import { a } from '../../signaling/server.ts'; a()"],
    ['the page in signaling', 'signaling/server.ts', "import { a } from '../web/base/index.ts'; a()"],
    ['a layer in the page as more than types', 'web/ui/app.tsx', "import { a } from '../data/index.ts'; a()"],
    ['a global', 'web/mesh/room.ts', 'export const a = () => navigator.onLine'],
    ['a timer', 'web/data/repair.ts', 'setTimeout(() => {}, 5)'],
    ['a hidden timer', 'web/data/repair.ts', 'export const a = AbortSignal.timeout(5)'],
    ['chance', 'web/data/repair.ts', 'export const a = Math.random()'],
    ['time', 'web/compute/job.ts', 'export const a = { at: Date.now() }'],
    ['time in another form', 'web/compute/job.ts', 'export const a = new Date()'],
    ['a global by shorthand', 'web/compute/job.ts', 'export const a = { performance }'],
    ['a global through globalThis', 'web/compute/job.ts', 'export const a = globalThis.document'],
    ['a global in an argument', 'web/messaging/topic.ts', 'export const a = (b = localStorage) => b'],
    ['a global under a cast', 'web/messaging/topic.ts', 'export const a = (window as Window).name'],
  ])('finds %s', (_, file, text) => {
    expect(planted(file, text)).toHaveLength(1)
  })

  test('finds a cycle, once', () => {
    const second = { file: 'web/base/b.ts', text: "export { a } from './a.ts'" }
    expect(planted('web/base/a.ts', "export { a } from './b.ts'", second)).toEqual([
      'cycle: web/base/a.ts -> web/base/b.ts',
    ])
  })

  test.each([
    ['an arrow that points down', 'web/mesh/room.ts', "import { a } from '../wire/index.ts'; a()"],
    ['a file of the same layer', 'web/mesh/room.ts', "import { a } from './link.ts'; a()"],
    ['globals in an adapter', 'web/mesh/peerjs/peerjs.ts', 'export const a = new RTCPeerConnection()'],
    [
      'an adapter in the browser’s ports',
      'web/browser.ts',
      "import { a } from './mesh/peerjs/index.ts'; a()",
    ],
    ['types in the page', 'web/ui/app.tsx', "import type { A } from '../data/index.ts'; export type B = A"],
    [
      'a global’s name as a member or a type',
      'web/mesh/link.ts',
      'export const a = (b: Window) => b.document',
    ],
    [
      'a name of our own',
      'web/mesh/link.ts',
      'export function a(performance: number) { return performance }',
    ],
    ['a date with an argument', 'web/wire/value.ts', 'export const a = (at: number) => new Date(at)'],
  ])('lets %s pass', (_, file, text) => {
    expect(planted(file, text)).toEqual([])
  })
})
