/** Our modules as text, and what each imports. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync } from 'vite'
import { isNode, walk } from './syntax.ts'

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

function literalOf(node: unknown): string {
  return isNode(node) && typeof node['value'] === 'string' ? node['value'] : '(computed)'
}
