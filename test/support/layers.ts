/** Reads the imports and the free names of our modules and judges them by the layer table. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync } from 'vite'

/** `file` is relative to the repository's root, with forward slashes. */
export interface SourceFile {
  readonly file: string
  readonly text: string
}

export interface Import {
  /** As a path like {@link SourceFile.file} for our own modules, else the package's name. */
  readonly target: string
  readonly isOurs: boolean
  readonly isTypeOnly: boolean
}

interface LayerRule {
  readonly mayImport: readonly string[]
  /** Packages that its modules may import; adapters have their own. */
  readonly packages: readonly string[]
}

/** Section 1 of the design. Layer 6 is judged by {@link judgeTop}. */
const LAYERS: ReadonlyMap<string, LayerRule> = new Map([
  ['base', { mayImport: [], packages: [] }],
  ['wire', { mayImport: ['base'], packages: [] }],
  ['storage', { mayImport: ['base'], packages: [] }],
  ['mesh', { mayImport: ['base', 'wire'], packages: ['@noble/hashes'] }],
  ['messaging', { mayImport: ['base', 'wire', 'storage', 'mesh'], packages: [] }],
  ['data', { mayImport: ['base', 'wire', 'storage', 'mesh'], packages: ['@noble/hashes'] }],
  ['compute', { mayImport: ['base', 'wire', 'storage', 'mesh', 'messaging', 'data'], packages: [] }],
  ['node', { mayImport: ['base', 'wire', 'storage', 'mesh', 'messaging', 'data', 'compute'], packages: [] }],
])

/** The modules in layers 1 to 4 that may touch the browser; only layer 6 and each other may import them. */
const ADAPTERS: readonly { readonly pattern: RegExp; readonly packages: readonly string[] }[] = [
  { pattern: /^web\/mesh\/peerjs\/[a-z-]+\.ts$/, packages: ['peerjs'] },
  { pattern: /^web\/storage\/indexeddb(-[a-z-]+)?\.ts$/, packages: ['idb'] },
  { pattern: /^web\/storage\/(profile(-[a-z-]+)?|slot-lock)\.ts$/, packages: ['idb'] },
  {
    pattern:
      /^web\/compute\/sandbox\/(host(-[a-z-]+)?|frame|guest|guest-globals|guest-realm|guest-timers|bootstrap)\.(ts|js)$/,
    packages: [],
  },
]

/** What layer 6 takes of layers 1 to 4 beside types and adapters: nothing. */
const TOP_MAY_IMPORT = ['base', 'node']

/** Names that exist alike in browsers and in Node and neither tell time, nor make chance, nor reach out. */
const FREE_NAMES: ReadonlySet<string> = new Set(
  `undefined NaN Infinity Object Array ArrayBuffer DataView Boolean Number BigInt String Symbol Function Map Set WeakMap WeakSet WeakRef
  Promise Proxy Reflect Math JSON Date RegExp Error TypeError RangeError SyntaxError AggregateError Uint8Array Uint16Array Uint32Array
  Int8Array Int16Array Int32Array Float32Array Float64Array BigInt64Array BigUint64Array Uint8ClampedArray Iterator isNaN isFinite parseInt
  parseFloat encodeURIComponent decodeURIComponent AbortController AbortSignal DOMException TextEncoder TextDecoder structuredClone Blob
  File ReadableStream WritableStream TransformStream TextDecoderStream queueMicrotask URL URLSearchParams Event EventTarget Intl arguments`.split(
    /\s+/,
  ),
)
const FREE_MEMBERS_FORBIDDEN: ReadonlySet<string> = new Set([
  'Math.random',
  'Date.now',
  'AbortSignal.timeout',
  'URL.createObjectURL',
  'URL.revokeObjectURL',
])

/** Every `.ts` and `.tsx` file below `folder`, read. */
export function readSources(root: string, folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ file: path.slice(root.length + 1), text: readFileSync(path, 'utf8') }))
    .sort((a, b) => a.file.localeCompare(b.file))
}

export function importsOf(source: SourceFile): Import[] {
  const { module, errors, program } = parseSync(source.file, source.text)
  if (errors.length > 0) throw new Error(`${source.file}: ${errors[0]?.message}`)
  const found = new Map<string, boolean>()
  const add = (specifier: string, isTypeOnly: boolean) =>
    found.set(specifier, (found.get(specifier) ?? true) && isTypeOnly)
  for (const { moduleRequest, entries } of module.staticImports) {
    add(moduleRequest.value, entries.length > 0 && entries.every((entry) => entry.isType))
  }
  for (const { entries } of module.staticExports) {
    for (const entry of entries) if (entry.moduleRequest) add(entry.moduleRequest.value, entry.isType)
  }
  walk(program, (node) => {
    if (node['type'] === 'ImportExpression') add(literalOf(node['source']), false)
  })
  return [...found].map(([specifier, isTypeOnly]) => ({ ...resolve(source.file, specifier), isTypeOnly }))
}

function resolve(from: string, specifier: string): { target: string; isOurs: boolean } {
  if (!specifier.startsWith('.')) {
    const parts = specifier.split('/')
    return {
      target: specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? ''),
      isOurs: false,
    }
  }
  const path = normalize(join(dirname(from), specifier.split('?')[0] ?? ''))
  return { target: path.replaceAll('\\', '/'), isOurs: true }
}

/** Everything that breaks the table, one line each; empty when all is well. */
export function judge(sources: readonly SourceFile[]): string[] {
  const faults: string[] = []
  for (const source of sources) {
    for (const imported of importsOf(source)) {
      const fault = judgeImport(source.file, imported)
      if (fault !== undefined) faults.push(`${source.file} imports ${imported.target}: ${fault}`)
    }
    if (mustBePure(source.file)) {
      for (const name of strayNames(source))
        faults.push(`${source.file} uses ${name}: not outside the adapters`)
    }
  }
  return [...faults, ...cycles(sources)]
}

function judgeImport(file: string, imported: Import): string | undefined {
  const layer = layerOf(file)
  if (layer === 'signaling') {
    return imported.isOurs && layerOf(imported.target) !== 'signaling' ? 'signaling stands alone' : undefined
  }
  if (layer === 'top') return judgeTop(imported)
  if (!imported.isOurs) return judgePackage(file, layer, imported.target)
  return judgeLayer(file, layer, imported)
}

function judgePackage(file: string, layer: string, name: string): string | undefined {
  if (name.startsWith('virtual:') && isAdapter(file)) return undefined
  const allowed = adapterPackages(file) ?? LAYERS.get(layer)?.packages ?? []
  return allowed.includes(name) ? undefined : 'this package is not for this layer'
}

function judgeLayer(file: string, layer: string, { target, isTypeOnly }: Import): string | undefined {
  const to = layerOf(target)
  if (isAdapter(target) && !isAdapter(file) && !isTypeOnly)
    return 'only layer 6 and adapters import an adapter'
  if (to === layer) return undefined
  if (!LAYERS.get(layer)?.mayImport.includes(to)) return `${layer} may not import ${to}`
  return isIndex(target) ? undefined : 'across layers import index.ts only'
}

function judgeTop({ target, isOurs, isTypeOnly }: Import): string | undefined {
  if (!isOurs) return undefined
  const to = layerOf(target)
  if (to === 'signaling' || to === 'outside') return 'the page stands alone'
  if (to === 'top' || isTypeOnly || isAdapter(target)) return undefined
  if (!TOP_MAY_IMPORT.includes(to)) return `${to} may be imported as types only`
  return isIndex(target) ? undefined : 'across layers import index.ts only'
}

/** `top` is layer 6. */
function layerOf(file: string): string {
  if (file.startsWith('signaling/')) return 'signaling'
  if (!file.startsWith('web/')) return 'outside'
  if (/^web\/node(-[a-z-]+)?\.ts$/.test(file)) return 'node'
  const folder = file.split('/')[1] ?? ''
  return LAYERS.has(folder) ? folder : 'top'
}

function isIndex(file: string): boolean {
  return file === 'web/node.ts' || /^web\/[a-z]+\/index\.ts$/.test(file)
}

function isAdapter(file: string): boolean {
  return adapterPackages(file) !== undefined
}

function adapterPackages(file: string): readonly string[] | undefined {
  return ADAPTERS.find(({ pattern }) => pattern.test(file))?.packages
}

function mustBePure(file: string): boolean {
  return LAYERS.has(layerOf(file)) && !isAdapter(file)
}

/** Cycles of imports that exist at run time. */
function cycles(sources: readonly SourceFile[]): string[] {
  const graph = new Map<string, string[]>()
  for (const source of sources) {
    const targets = importsOf(source).filter((one) => one.isOurs && !one.isTypeOnly)
    graph.set(
      source.file,
      targets.map((one) => one.target),
    )
  }
  const found = new Set<string>()
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file)
    if (at >= 0) return void found.add(`cycle: ${rotated(path.slice(at)).join(' -> ')}`)
    if (done.has(file)) return
    for (const target of graph.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return [...found]
}

/** The same cycle begins with the same file wherever it was entered. */
function rotated(path: readonly string[]): string[] {
  const first = path.indexOf([...path].sort()[0] ?? '')
  return [...path.slice(first), ...path.slice(0, first)]
}

type AstNode = Readonly<Record<string, unknown>>

/** Names that the module uses and does not declare, and that are not in {@link FREE_NAMES}. */
export function strayNames(source: SourceFile): string[] {
  const { program } = parseSync(source.file, source.text)
  const declared = new Set<string>()
  const used = new Set<string>()
  walk(program, (node) => collectDeclared(node, declared))
  walk(program, (node) => collectUsed(node, used))
  return [...used]
    .filter((name) => !declared.has(name.split('.')[0] ?? ''))
    .filter((name) => (name.includes('.') ? FREE_MEMBERS_FORBIDDEN.has(name) : !FREE_NAMES.has(name)))
    .sort()
}

function collectDeclared(node: AstNode, declared: Set<string>): void {
  const add = (pattern: unknown) => {
    for (const name of boundNames(pattern)) declared.add(name)
  }
  if (node['type'] === 'VariableDeclarator') add(node['id'])
  if (/Function|Class/.test(String(node['type'])) && isNode(node['id'])) add(node['id'])
  if (Array.isArray(node['params'])) for (const param of node['params']) add(param)
  if (node['type'] === 'CatchClause') add(node['param'])
  if (/^Import\w*Specifier$/.test(String(node['type']))) add(node['local'])
}

function boundNames(pattern: unknown): string[] {
  if (!isNode(pattern)) return []
  switch (pattern['type']) {
    case 'Identifier':
      return [String(pattern['name'])]
    case 'ObjectPattern':
      return childNodes(pattern['properties']).flatMap((property) =>
        boundNames(property['type'] === 'RestElement' ? property['argument'] : property['value']),
      )
    case 'ArrayPattern':
      return childNodes(pattern['elements']).flatMap(boundNames)
    case 'AssignmentPattern':
      return boundNames(pattern['left'])
    case 'RestElement':
      return boundNames(pattern['argument'])
    default:
      return []
  }
}

function collectUsed(node: AstNode, used: Set<string>): void {
  if (node['type'] === 'NewExpression' && childNodes(node['arguments']).length === 0) {
    if (nameOf(node['callee']) === 'Date') used.add('Date.now')
  }
  if (node['type'] === 'MemberExpression' && node['computed'] !== true) {
    const object = nameOf(node['object'])
    if (object !== undefined) used.add(`${object}.${nameOf(node['property'])}`)
  }
  for (const [key, child] of Object.entries(node)) {
    if (isLabel(node, key)) continue
    for (const one of childNodes(Array.isArray(child) ? child : [child])) {
      const name = nameOf(one)
      if (name !== undefined) used.add(name)
    }
  }
}

/** Identifiers in these places are names of members, not of variables. */
function isLabel(node: AstNode, key: string): boolean {
  const isComputed = node['computed'] === true
  if (/^((Import|Export)\w*Specifier|MetaProperty)$/.test(String(node['type']))) return true
  if (key === 'property') return node['type'] === 'MemberExpression' && !isComputed
  if (key === 'key') return !isComputed && !(node['type'] === 'Property' && node['shorthand'] === true)
  return key === 'label'
}

function nameOf(node: unknown): string | undefined {
  return isNode(node) && node['type'] === 'Identifier' ? String(node['name']) : undefined
}

function literalOf(node: unknown): string {
  return isNode(node) && typeof node['value'] === 'string' ? node['value'] : '(computed)'
}

/** Visits every node that exists at run time: types and annotations are left out. */
function walk(node: unknown, visit: (node: AstNode) => void): void {
  if (Array.isArray(node)) {
    for (const one of node) walk(one, visit)
    return
  }
  if (!isNode(node)) return
  const isType = String(node['type']).startsWith('TS')
  const isWrapper = /^TS(As|NonNull|Satisfies|TypeAssertion|Instantiation)/.test(String(node['type']))
  if (isType && !isWrapper) return
  visit(node)
  for (const [key, child] of Object.entries(node)) {
    if (!/^(typeAnnotation|returnType|typeParameters|typeArguments)$/.test(key)) walk(child, visit)
  }
}

function childNodes(list: unknown): AstNode[] {
  return Array.isArray(list) ? list.filter(isNode) : []
}

function isNode(value: unknown): value is AstNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}
