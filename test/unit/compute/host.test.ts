import { expect, test, vi } from 'vitest'
import { SandboxError } from '../../../web/compute/errors.ts'
import type { Frame } from '../../../web/compute/sandbox/frame.ts'
import { createSandboxFactory } from '../../../web/compute/sandbox/host.ts'

type Open = () => Promise<Frame>
/** What opening the next frames comes to, one after another; sound ones when none is left. */
interface Page {
  readonly opens: Open[]
  tries: number
}

vi.mock('../../../web/compute/sandbox/frame.ts', () => ({
  Frame: {
    open: ({ document }: { document: Page }) => {
      document.tries++
      return (document.opens.shift() ?? sound)()
    },
  },
}))
vi.mock('virtual:guest', () => ({ default: '' }))
vi.mock('virtual:sandbox-bootstrap-hash', () => ({ default: '' }))

const sound = async () =>
  ({
    scriptLine: 0,
    start: () => ({ run: () => undefined, kill: () => undefined }),
    isAlive: async () => true,
    close: () => undefined,
  }) as unknown as Frame
const absent = () => Promise.reject(new TypeError('Failed to fetch dynamically imported module'))
const late = () => Promise.reject(new SandboxError('unavailable', 'the sandbox did not load within 15 s'))
const leaky = () => Promise.reject(new SandboxError('leaks', 'a way out'))

function pageOf(...opens: Open[]) {
  const page: Page = { opens, tries: 0 }
  return { page, factory: createSandboxFactory({ document: page as unknown as Document }) }
}

async function openOne({ factory }: ReturnType<typeof pageOf>): Promise<string> {
  const opened = factory.open({ map: '() => 1' }, 1, new AbortController().signal)
  const said = await opened.then(
    () => 'opened',
    (error: Error) => error.message,
  )
  factory.close()
  return said
}

/** Its first spare has been tried, for nobody. */
async function afterFirst(made: ReturnType<typeof pageOf>): Promise<ReturnType<typeof pageOf>> {
  await vi.waitFor(() => expect(made.page.tries).toBe(1))
  await new Promise<void>((resolve) => void setImmediate(resolve))
  return made
}

test('SBX21 a job that finds a spare that could not be fetched gets a fresh one, once', async () => {
  expect(await openOne(pageOf(absent))).toBe('opened')
  const twice = pageOf(absent, absent)
  expect(await openOne(twice)).toContain('Failed to fetch')
  expect(twice.page.opens).toEqual([])
})

test('SBX21 a spare that failed while nobody waited is no reason for the next job to fail', async () => {
  for (const failing of [absent, late])
    expect(await openOne(await afterFirst(pageOf(failing)))).toBe('opened')
})

test('SBX20, SBX21 what has waited for its time is not waited for again, and a leak is for good', async () => {
  expect(await openOne(pageOf(late))).toContain('15 s')
  expect(await openOne(pageOf(leaky))).toBe('a way out')
  expect(await openOne(await afterFirst(pageOf(leaky)))).toBe('a way out')
})
