import { describe, expect, test } from 'vitest'
import { importsOf, readSources, type SourceFile } from '../support/imports.ts'
import { judge } from '../support/layers.ts'
import { judgeTable } from '../support/rooms.ts'

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

  test('the table of rooms says what is so, and lets no rooms import each other', () => {
    const arrows = readSources(ROOT, 'web').flatMap((source) =>
      importsOf(source).map(({ target }) => ({ file: source.file, target })),
    )
    expect(judgeTable(arrows)).toEqual([])
    expect(judgeTable(arrows.filter(({ file }) => !file.startsWith('web/mesh/handshake/')))).toContain(
      'web/mesh: handshake no longer imports invite',
    )
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
    ['a way past index.ts', 'web/mesh/room/room.ts', "import { a } from '../../wire/frame.ts'; a()"],
    [
      'a way past a room’s index.ts',
      'web/mesh/link/link.ts',
      "import { a } from '../transport/memory.ts'; a()",
    ],
    [
      'a type past a room’s index.ts',
      'web/mesh/link/link.ts',
      "import type { A } from '../transport/memory.ts'; export type B = A",
    ],
    ['a room past the folder’s own', 'web/mesh/index.ts', "export { a } from './link/link.ts'"],
    ['a room in a lower room', 'web/mesh/link/link.ts', "import { a } from '../room/index.ts'; a()"],
    ['the folder in one of its rooms', 'web/mesh/link/link.ts', "import { a } from '../index.ts'; a()"],
    ['a file in no room', 'web/mesh/link.ts', 'export const a = 1'],
    ['a room in no table', 'web/mesh/relay/index.ts', 'export const a = 1'],
    ['an adapter in the node', 'web/node.ts', "import { a } from './mesh/peerjs/index.ts'; a()"],
    ['a package of another layer', 'web/base/ids.ts', "import { openDB } from 'idb'; openDB('a')"],
    ['signaling in the page', 'web/ui/app.tsx', "import { a } from '../../signaling/server.ts'; a()"],
    ['the page in signaling', 'signaling/server.ts', "import { a } from '../web/base/index.ts'; a()"],
    ['a layer in the page as more than types', 'web/ui/app.tsx', "import { a } from '../data/index.ts'; a()"],
    ['a global', 'web/mesh/room/room.ts', 'export const a = () => navigator.onLine'],
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

  test('finds a cycle of types, once', () => {
    const second = { file: 'web/base/b.ts', text: "import type { A } from './a.ts'; export type B = A" }
    expect(planted('web/base/a.ts', "export type { B } from './b.ts'", second)).toEqual([
      'cycle: web/base/a.ts -> web/base/b.ts',
    ])
  })

  test('finds one cycle of a knot, and each knot', () => {
    const others = [
      { file: 'web/base/b.ts', text: "import './c.ts'; import './a.ts'" },
      { file: 'web/base/c.ts', text: "import './a.ts'" },
      { file: 'web/base/d.ts', text: "import './d.ts'" },
    ]
    expect(planted('web/base/a.ts', "import './b.ts'", ...others)).toEqual([
      'cycle: web/base/a.ts -> web/base/b.ts',
      'cycle: web/base/d.ts',
    ])
  })

  test.each([
    ['an arrow that points down', 'web/mesh/room/room.ts', "import { a } from '../../wire/index.ts'; a()"],
    ['a file of the same layer', 'web/data/repair.ts', "import { a } from './shard.ts'; a()"],
    ['a file of the same room', 'web/mesh/link/link.ts', "import { a } from './link-limits.ts'; a()"],
    ['a lower room', 'web/mesh/link/link.ts', "import { a } from '../transport/index.ts'; a()"],
    ['every room in the folder’s index.ts', 'web/mesh/index.ts', "export { a } from './room/index.ts'"],
    ['globals in an adapter', 'web/mesh/peerjs/peerjs.ts', 'export const a = new RTCPeerConnection()'],
    [
      'an adapter in the browser’s ports',
      'web/browser.ts',
      "import { a } from './mesh/peerjs/index.ts'; a()",
    ],
    ['types in the page', 'web/ui/app.tsx', "import type { A } from '../data/index.ts'; export type B = A"],
    [
      'a global’s name as a member or a type',
      'web/mesh/link/link.ts',
      'export const a = (b: Window) => b.document',
    ],
    [
      'a name of our own',
      'web/mesh/link/link.ts',
      'export function a(performance: number) { return performance }',
    ],
    ['a date with an argument', 'web/wire/value.ts', 'export const a = (at: number) => new Date(at)'],
  ])('lets %s pass', (_, file, text) => {
    expect(planted(file, text)).toEqual([])
  })
})
