import { expect, type Page, test } from '@playwright/test'
import type { TaskReport } from '../support/sandbox-page.ts'
import { startSandboxServer } from '../support/sandbox-server.ts'

const MOST_PAUSE_MS = 100
const MOST_HASH_MS = 500

/** Code that works on when its Worker has ended, if it can. */
const LINGERING = `(line, ctx) => {
  const tries = [
    () => crypto.subtle.generateKey({ name: 'RSA-OAEP', modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['encrypt', 'decrypt']),
    () => WebAssembly.compile(LARGE_MODULE()),
    () => new CompressionStream('gzip').writable.getWriter().write(new Uint8Array(2 ** 24)),
    () => createImageBitmap(new ImageData(4096, 4096)),
    () => new Blob([new Uint8Array(2 ** 24)]).arrayBuffer(),
    () => new OffscreenCanvas(4096, 4096).convertToBlob(),
    () => Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
    () => navigator.locks.request('x', () => new Promise(() => {})),
    () => scheduler.postTask(() => {}, { delay: 1 }),
    () => new AudioEncoder({ output() {}, error() {} }),
    () => AbortSignal.timeout(1e6),
    () => new (Object.getPrototypeOf(Object.getPrototypeOf(crypto)).constructor.Crypto)().subtle,
    () => Function('return 1'),
    () => eval('1'),
  ]
  for (let i = 0; i < 200; i++) for (const one of tries) try { Promise.resolve(one()).catch(() => {}) } catch {}
  for (;;);
  /** Two thousand functions of a hundred additions. */
  function LARGE_MODULE() {
    const body = [0, ...Array.from({ length: 100 }, () => [0x41, 1, 0x1a]).flat(), 0x0b]
    const leb = (n) => n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)]
    const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes]
    const count = 2000
    const code = Array.from({ length: count }, () => [...leb(body.length), ...body]).flat()
    return new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(1, [1, 0x60, 0, 0]), ...section(3, [...leb(count), ...Array(count).fill(0)]), ...section(10, [...leb(count), ...code])])
  }
}`

/** Each makes the page pay, where what the guest says is built with what user code has replaced. */
const COSTLY: Readonly<Record<string, string>> = {
  'a third of a million counters':
    'const all = {}; for (let i = 0; i < 3e5; i++) all["k" + i] = i; Object.fromEntries = () => all; ctx.count("a")',
  'a gigabyte for a bucket':
    'const big = new ArrayBuffer(2 ** 30); const map = Array.prototype.map; Array.prototype.map = function (f) { return this.length === 1 ? [big] : map.call(this, f) }; ctx.emit("k", 1)',
  'an error of 2 ** 28 characters':
    'String.prototype.slice = function () { return this }; throw new Error("x".repeat(2 ** 28))',
  'an error that nobody catches':
    'String.prototype.slice = function () { return "x".repeat(2 ** 28) }; setTimeout(() => { throw "x".repeat(2 ** 28) }, 0); return new Promise(() => {})',
  'JSON and text':
    'const text = "[".repeat(2 ** 26); JSON.stringify = () => text; const big = new Uint8Array(2 ** 27); TextEncoder.prototype.encode = () => big; ctx.emit("k", 1)',
  'a head of sixty million brackets':
    'const big = new Uint8Array(6e7).fill(91); TextEncoder.prototype.encode = () => big; ctx.emit("k", 1)',
  'other bytes':
    'const { set } = Uint8Array.prototype; globalThis.Uint8Array = function (n) { return new Float64Array(2 ** 24) }; ctx.emit("k", 1)',
  iterators:
    'const big = new ArrayBuffer(2 ** 30); Array.prototype[Symbol.iterator] = function* () { for (;;) yield big }; ctx.emit("k", 1)',
  'push and getters':
    'const { push } = Array.prototype; Array.prototype.push = function (x) { for (let i = 0; i < 1e6; i++) this[this.length] = x; return 1 }; for (const name of ["buckets", "result", "sizes", "fault", "message", "toJSON"]) Object.defineProperty(Object.prototype, name, { configurable: true, get: () => "x".repeat(2 ** 28), set() {} }); ctx.emit("k", 1)',
  'a promise of its own':
    'const big = new ArrayBuffer(2 ** 30); Promise.prototype.then = function (go) { go({ result: { buckets: [big], recordsRead: 1, counters: {} } }) }; Object.defineProperty(Promise.prototype, "constructor", { value: Object })',
}

let url: string
let close: () => Promise<void>
test.beforeAll(async () => {
  ;({ url, close } = await startSandboxServer())
})
test.afterAll(() => close())

function run(page: Page, map: string, timeoutMs: number): Promise<TaskReport> {
  return page.evaluate(([map, timeoutMs]) => window.sandboxPage.runMap({ map }, { timeoutMs }), [
    map,
    timeoutMs,
  ] as const)
}

test('SBX23: nothing that a task began works on when it has been ended', async ({ page }) => {
  await page.goto(url)
  expect((await run(page, LINGERING, 1500)).code).toBe('timeout')
  const ms = await page.evaluate(async () => {
    const startedAt = performance.now()
    for (let i = 0; i < 20; i++) await crypto.subtle.digest('SHA-256', new Uint8Array(2 ** 20))
    return performance.now() - startedAt
  })
  expect(ms).toBeLessThan(MOST_HASH_MS)
})

test('SBX24: whatever user code has replaced, the page pays for a bounded answer only', async ({ page }) => {
  await page.goto(url)
  await run(page, '() => 1', 5000)
  for (const [what, text] of Object.entries(COSTLY)) {
    const pauses = await pausesOf(() => pauseOf(page, text))
    expect(Math.min(...pauses), `${what}: ${pauses}`).toBeLessThan(MOST_PAUSE_MS)
  }
})

/** Up to five measurements: what else runs on the machine only adds to them, and a page that pays pays each time. */
async function pausesOf(measure: () => Promise<number>): Promise<number[]> {
  const pauses: number[] = []
  while (pauses.length < 5 && !pauses.some((pause) => pause < MOST_PAUSE_MS)) pauses.push(await measure())
  return pauses
}

/** The longest time in ms that the page's thread was held up by a task. */
function pauseOf(page: Page, text: string): Promise<number> {
  return page.evaluate(async (map) => {
    let last = performance.now()
    let pause = 0
    const look = () => {
      const now = performance.now()
      pause = Math.max(pause, now - last)
      last = now
    }
    const timer = setInterval(look, 5)
    const { pairs } = await window.sandboxPage.runMap({ map }, { timeoutMs: 600 })
    // A page that was held up while a message came settles the promise behind it in the same turn.
    await new Promise((resolve) => setTimeout(resolve, 60))
    clearInterval(timer)
    look()
    return pairs === undefined ? pause : Number.POSITIVE_INFINITY
  }, `(line, ctx) => { ${text} }`)
}
