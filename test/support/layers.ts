/** Judges the imports and the free names of our modules by the layer table. */
import { circlesOf } from './circles.ts'
import { type Import, importsOf, type SourceFile } from './imports.ts'
import { judgeRooms, strayFiles } from './rooms.ts'
import { strayNames } from './stray-names.ts'

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

/** Everything that breaks the table, one line each; empty when all is well. Types count: they tie modules together as well. */
export function judge(sources: readonly SourceFile[]): string[] {
  const faults: string[] = []
  const graph = new Map<string, readonly string[]>()
  for (const source of sources) {
    const imports = importsOf(source)
    graph.set(
      source.file,
      imports.filter(({ isOurs }) => isOurs).map(({ target }) => target),
    )
    for (const imported of imports) {
      const fault = judgeImport(source.file, imported)
      if (fault !== undefined) faults.push(`${source.file} imports ${imported.target}: ${fault}`)
    }
    if (mustBePure(source.file)) {
      for (const name of strayNames(source))
        faults.push(`${source.file} uses ${name}: not outside the adapters`)
    }
  }
  return [...faults, ...strayFiles([...graph.keys()]), ...circlesOf(graph)]
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
  if (to === layer) return judgeRooms(file, target)
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
