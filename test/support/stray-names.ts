/** The free names of a module: what it uses of its surroundings. */
import { parseSync } from 'vite'
import type { SourceFile } from './imports.ts'
import { type AstNode, childNodes, isNode, walk } from './syntax.ts'

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
