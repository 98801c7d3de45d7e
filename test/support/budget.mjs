/** What a visitor downloads of the built page, against its budget. Sizes are gzip's, in kB of 1,000 bytes. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const LIMITS_KB = {
  'initial JS': 60,
  'initial CSS': 20,
  'JS until a room is usable': 200,
  'service worker': 10,
  'each lazy chunk': 200,
  'package, joinRoom': 185,
}

/**
 * @param {string} folder the built page
 * @returns {{ what: string, kb: number, limitKb: number }[]}
 */
export function measureBundle(folder) {
  const html = readFileSync(join(folder, 'index.html'), 'utf8')
  const initial = [...html.matchAll(/(?:src|href)="\.\/([^"]+\.(?:js|css))"/g)].map((match) => match[1] ?? '')
  const scripts = withStaticImports(
    folder,
    initial.filter((file) => file.endsWith('.js')),
  )
  const styles = initial.filter((file) => file.endsWith('.css'))
  if (scripts.length === 0 || styles.length === 0)
    throw new Error('the page names no scripts or styles where they are looked for: nothing was measured')
  const node = readdirSync(join(folder, 'assets')).filter((file) => isNode(folder, file))
  if (node.length !== 1) throw new Error('the chunk that has joinRoom was not found: nothing was measured')
  const room = withStaticImports(folder, [...scripts, `assets/${node[0]}`])
  const lazy = readdirSync(join(folder, 'assets'))
    .map((file) => `assets/${file}`)
    .filter((file) => file.endsWith('.js') && !scripts.includes(file))
  return [
    row('initial JS', gzipKb(folder, scripts)),
    row('initial CSS', gzipKb(folder, styles)),
    row('JS until a room is usable', gzipKb(folder, room)),
    row('service worker', gzipKb(folder, ['sw.js'])),
    ...lazy.map((file) => ({ ...row('each lazy chunk', gzipKb(folder, [file])), what: file })),
  ]
}

/**
 * @param {string} folder the built package: `joinRoom` with all that it needs, sandbox and dependencies included
 */
export function measurePackage(folder) {
  return [row('package, joinRoom', gzipKb(folder, ['standalone.js']))]
}

/** The page's chunk of web/browser.ts; the examples have small ones of their own by that name. */
function isNode(folder, file) {
  return /^browser-.*\.js$/.test(file) && gzipKb(folder, [`assets/${file}`]) > 10
}

/** The page loads what its scripts import statically just as surely as the scripts. */
function withStaticImports(folder, files) {
  const all = new Set(files)
  for (const file of all) {
    const text = readFileSync(join(folder, file), 'utf8')
    for (const match of text.matchAll(/(?:import|from)\s*["']\.\/([^"']+\.js)["']/g))
      all.add(`assets/${match[1]}`)
  }
  return [...all]
}

function gzipKb(folder, files) {
  return (
    files.reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file)), { level: 9 }).length, 0) /
    1000
  )
}

function row(what, kb) {
  return { what, kb, limitKb: LIMITS_KB[what] }
}
