/**
 * What user code may find in its Worker besides the language itself. Everything else is removed: an allow-list, so that
 * what a browser adds later is not there either. Nothing on it works on when the Worker has ended, hears events, or speaks
 * to another thread. This is the second wall; the first is the CSP and the opaque origin.
 */
const KEPT_PLATFORM = [
  'DOMException',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'URLSearchParams',
  'atob',
  'btoa',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'performance',
  'queueMicrotask',
  'self',
  'setInterval',
  'setTimeout',
  'structuredClone',
] as const
const KEPT_LANGUAGE = [
  'AggregateError Array ArrayBuffer BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError',
  'Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array',
  'Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set String',
  'Symbol SuppressedError SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap',
  'WeakRef WeakSet WebAssembly DisposableStack AsyncDisposableStack Temporal decodeURI decodeURIComponent encodeURI',
  'encodeURIComponent escape unescape eval globalThis isFinite isNaN parseFloat parseInt undefined',
].flatMap((line) => line.split(' '))
const SILENT = [
  'assert',
  'debug',
  'dir',
  'error',
  'group',
  'groupEnd',
  'info',
  'log',
  'table',
  'time',
  'timeEnd',
  'trace',
  'warn',
]

export function pruneGlobals(): void {
  const kept = new Set<PropertyKey>([...KEPT_PLATFORM, ...KEPT_LANGUAGE])
  for (
    let level: object | null = globalThis;
    level && level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  ) {
    for (const name of Reflect.ownKeys(level)) {
      if (typeof name === 'string' && !kept.has(name)) remove(level, name)
    }
  }
  // Blob URLs are the way to a nested Worker and to import().
  for (const name of ['createObjectURL', 'revokeObjectURL']) remove(URL, name)
  hideSharedMemory()
  compileInTurn()
  refuseText()
  replaceServices()
}

/** The few that reach other threads give up all but what is the caller's own. A console that prints is a way to slow the page. */
function replaceServices(): void {
  const { crypto, performance } = globalThis
  replaceGlobal('console', Object.fromEntries(SILENT.map((name) => [name, () => undefined])))
  replaceGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) })
  replaceGlobal('performance', { now: performance.now.bind(performance), timeOrigin: performance.timeOrigin })
}

/** On the Worker's own thread, so that it ends with it: in the background it would be compiled to the end. */
function compileInTurn(): void {
  const { Module, Instance } = WebAssembly
  const compile = async (bytes: BufferSource) => new Module(bytes)
  const instantiate = async (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
    if (source instanceof Module) return new Instance(source, imports)
    const module = new Module(source)
    return { module, instance: new Instance(module, imports) }
  }
  for (const [name, value] of Object.entries({ compile, instantiate }))
    Object.defineProperty(WebAssembly, name, { value, configurable: true, writable: true })
  for (const name of ['compileStreaming', 'instantiateStreaming']) remove(WebAssembly, name)
}

/** The policy refuses to evaluate text, and reports each attempt to the page's own thread; here nothing is attempted. */
function refuseText(): void {
  const functions = [() => {}, async () => {}, function* () {}, async function* () {}]
  for (const one of functions) {
    const prototype = Object.getPrototypeOf(one)
    const refusal = function refuse() {
      throw new EvalError('text is not evaluated here')
    }
    Object.defineProperty(refusal, 'prototype', { value: prototype })
    Object.defineProperty(prototype, 'constructor', { value: refusal, configurable: true })
    if (prototype === Function.prototype) replaceGlobal('Function', refusal)
  }
  replaceGlobal('eval', () => {
    throw new EvalError('text is not evaluated here')
  })
}

/** In the place of every one of that name: deleting it brings no other to light. */
export function replaceGlobal(name: string, value: unknown): void {
  for (let level: object | null = globalThis; level; level = Object.getPrototypeOf(level)) {
    if (Object.hasOwn(level, name)) remove(level, name)
  }
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
}

/** Every browser makes shared WebAssembly memory, and its buffer's constructor is the SharedArrayBuffer that was removed. */
function hideSharedMemory(): void {
  const { prototype } = WebAssembly.Memory
  const apply = Reflect.apply
  // Throws for any other kind of buffer.
  const bytesOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get as () => number
  for (const name of ['buffer', 'toFixedLengthBuffer', 'toResizableBuffer']) {
    const known = Object.getOwnPropertyDescriptor(prototype, name)
    const give = known?.get ?? known?.value
    if (!known || typeof give !== 'function') continue
    const guarded = function (this: unknown): unknown {
      const buffer = apply(give, this, [])
      apply(bytesOf, buffer, [])
      return buffer
    }
    Object.defineProperty(
      prototype,
      name,
      known.get ? { ...known, get: guarded } : { ...known, value: guarded },
    )
  }
}

function remove(target: object, name: string): void {
  if (Reflect.deleteProperty(target, name)) return
  Reflect.defineProperty(target, name, { value: undefined })
}

/**
 * The ways out that are open here, by name; none in a sandbox that holds. Nothing leaves for the test: `fetch` is tried
 * on a port that browsers never contact, and on a `data:` URL, which even `connect-src *` forbids.
 */
export async function findLeaks(): Promise<string[]> {
  const present = ['RTCPeerConnection', 'SharedArrayBuffer', 'document', 'localStorage'].filter(
    (name) => name in globalThis,
  )
  const tried = await Promise.all(
    Object.entries(PROBES).map(async ([name, probe]) => ((await isOpen(probe)) ? [name] : [])),
  )
  return [...present, ...tried.flat()]
}

async function isOpen(probe: () => unknown): Promise<boolean> {
  try {
    await probe()
    return true
  } catch {
    // Refused, which is what is hoped for.
    return false
  }
}

/**
 * Resolves when the CSP lets a connection pass. What it refuses it also reports, one after another: a report of the
 * second attempt without one of the first says that the first was refused by the browser alone.
 */
function connect(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
      if (effectiveDirective !== 'connect-src') return
      if (blockedURI.includes(FORBIDDEN)) reject(new Error('refused by the CSP'))
      else resolve(undefined)
    })
    fetch(`http://${FORBIDDEN}/`)
      .catch(() => fetch('data:,0'))
      .then(resolve, () => undefined)
  })
}

/** `tcpmux`: on the list of ports that no browser opens, whatever the policy. */
const FORBIDDEN = '127.0.0.1:1'
const SCRIPT = 'data:text/javascript,0'
const PROBES: Readonly<Record<string, () => unknown>> = {
  fetch: connect,
  eval: () => Reflect.construct(Function, ['return 1'])(),
  importScripts: () => Reflect.apply(Reflect.get(globalThis, 'importScripts'), globalThis, [SCRIPT]),
  indexedDB: () =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open('tabmesh-self-test')
      request.onsuccess = resolve
      request.onerror = reject
    }),
  caches: () => caches.open('tabmesh-self-test'),
  opfs: () => navigator.storage.getDirectory(),
}
