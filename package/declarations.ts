import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Plugin } from 'vite'

const ROOT = join(import.meta.dirname, '..')
/** Where `tsc -b` puts them. */
const COMPILED = join(ROOT, 'node_modules/.cache/tsc')
const ENTRIES = ['web/browser.d.ts', 'web/react-hooks/index.d.ts', 'signaling/server.d.ts']
const IMPORT = /(from |import\()(['"])(\.[^'"]*)\.tsx?\2/g
/** `MeshNode` can be disposed of; a project of an older `lib` does not know the symbol. */
const NEEDED_LIB = '/// <reference lib="esnext.disposable" />\n'

/** Copies the declarations that the entries reach, with imports that every bundler and TypeScript resolves. */
export function declarations(outDir: string): Plugin {
  return {
    name: 'tabmesh-declarations',
    apply: 'build',
    closeBundle() {
      const reached = new Set(ENTRIES)
      for (const file of reached) {
        const text = readFileSync(join(COMPILED, file), 'utf8')
        for (const [, , , path] of text.matchAll(IMPORT)) reached.add(join(dirname(file), `${path}.d.ts`))
        const out = join(outDir, 'types', file)
        mkdirSync(dirname(out), { recursive: true })
        writeFileSync(out, NEEDED_LIB + text.replace(IMPORT, '$1$2$3.js$2'))
      }
    },
  }
}
