import { type GuestTask, type JobCode, type Sandbox, SandboxError } from '../../web/compute/index.ts'
import { decodePairs } from '../../web/compute/sandbox/bucket.ts'
import { createSandboxFactory } from '../../web/compute/sandbox/host.ts'
import { encodeValue } from '../../web/wire/index.ts'

/** How one task ended, as plain data. */
export interface TaskReport {
  readonly ms: number
  readonly pairs?: readonly (readonly [string | number, unknown])[]
  readonly code?: string
  readonly message?: string
  readonly record?: string
  readonly stack?: string
}

export interface TaskOptions {
  readonly lines?: readonly string[]
  readonly timeoutMs?: number
  readonly params?: Readonly<Record<string, string | number>>
  readonly maxOutputBytes?: number
}

/** What `?frame=` makes of the product's iframe. */
const TAMPERED: Readonly<Record<string, () => Document>> = {
  'without-policy': () => documentWith((text) => text.replace(/<meta[^>]*>/, '')),
  'with-network': () => documentWith((text) => text.replace('connect-src ', 'connect-src * ')),
  'that-never-loads': () => documentWith((text) => text, { append: () => undefined }),
}
const tampered = TAMPERED[new URLSearchParams(location.search).get('frame') ?? '']
const factory = createSandboxFactory({ document: tampered?.() ?? document })

/** Its iframes get another text, or another place, than the product gives them. */
function documentWith(edit: (text: string) => string, body: object = document.body): Document {
  const createElement = () => {
    const element = document.createElement('iframe')
    Object.defineProperty(element, 'srcdoc', {
      set: (text: string) => element.setAttribute('srcdoc', edit(text)),
    })
    return element
  }
  return { body, createElement } as unknown as Document
}

/** Why no sandbox opens; undefined when one does. */
async function refusal(): Promise<{ readonly code: string; readonly message: string } | undefined> {
  try {
    const sandbox = await factory.open({ map: '() => 1' }, 1, new AbortController().signal)
    sandbox.close()
    return undefined
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error
    return { code: error.code, message: error.message }
  }
}

/** Runs one map task over text lines in a sandbox of its own, and reports how it ended. */
async function runMap(code: JobCode, options: TaskOptions = {}): Promise<TaskReport> {
  const sandbox = await factory.open(code, 1, AbortSignal.timeout(20_000))
  try {
    return await runIn(sandbox, options)
  } finally {
    sandbox.close()
  }
}

async function runIn(sandbox: Sandbox, options: TaskOptions): Promise<TaskReport> {
  const startedAt = performance.now()
  try {
    const result = await sandbox.run(mapTask(options), {
      timeoutMs: options.timeoutMs ?? 5000,
      signal: new AbortController().signal,
    })
    const pairs = result.buckets.flatMap((bucket) => decodePairs(bucket))
    return { ms: performance.now() - startedAt, pairs: pairs.map(([key, values]) => [key, values] as const) }
  } catch (error) {
    const ms = performance.now() - startedAt
    if (!(error instanceof SandboxError)) throw error
    const { record, stack } = error.fault ?? {}
    return {
      ms,
      code: error.code,
      message: error.message,
      ...(record === undefined ? {} : { record }),
      ...(stack === undefined ? {} : { stack }),
    }
  }
}

function mapTask({ lines = ['one'], params = {}, maxOutputBytes = 64 * 2 ** 20 }: TaskOptions): GuestTask {
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join('')).buffer
  return {
    kind: 'map',
    bytes,
    format: { kind: 'text' },
    partitions: 1,
    params: encodeValue(params),
    maxOutputBytes,
  }
}

const page = { factory, refusal, runMap, runIn, mapTask }
export type SandboxPage = typeof page

declare global {
  interface Window {
    sandboxPage: SandboxPage
  }
}
window.sandboxPage = page
