import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import type { Bar, Figure } from './bench.ts'

const FILE = new URL('RESULTS.md', import.meta.url)
const HEAD = ['bench', 'against', 'ours', 'theirs', 'unit', 'ratio', 'min to max', 'bar', '', 'measured']

/** Replaces the rows of the figures that were measured now and keeps the others', each with the day and machine of its own. */
export async function writeResults(figures: readonly Figure[], browserVersion: string): Promise<void> {
  if (figures.length === 0) return
  const rows = await previousRows()
  const measured = `${new Date().toISOString().slice(0, 10)}, ${await machine(browserVersion)}`
  for (const figure of figures) rows.set(rowKey(figure.bench, figure.against), rowOf(figure, measured))
  const text = [
    '# Measured',
    '',
    '`npm run bench` writes this file. Both sides of a figure are measured in the same run between browser processes, ours and theirs in',
    'turn, after a warm-up; the ratio is the median of the rounds’ ratios, with the least and the greatest beside it. Every rate counts',
    'work that the receiver has acknowledged.',
    '',
    `| ${HEAD.join(' | ')} |`,
    `|${HEAD.map(() => '---').join('|')}|`,
    ...[...rows.keys()].sort().map((key) => rows.get(key)),
    '',
  ]
  await writeFile(FILE, text.join('\n'))
}

async function previousRows(): Promise<Map<string, string>> {
  const rows = new Map<string, string>()
  const text = await readFile(FILE, 'utf8').catch(() => '')
  for (const line of text.split('\n')) {
    const [, bench, against] = line.split('|').map((cell) => cell.trim())
    if (bench?.startsWith('`') && against !== undefined)
      rows.set(rowKey(bench.replaceAll('`', ''), against), line)
  }
  return rows
}

function rowKey(bench: string, against: string): string {
  return `${bench} against ${against}`
}

function rowOf(figure: Figure, measured: string): string {
  const cells = [
    `\`${figure.bench}\``,
    figure.against,
    number(figure.ours),
    number(figure.theirs),
    figure.unit,
    number(figure.ratio),
    `${number(figure.min)} to ${number(figure.max)} (${figure.rounds} rounds)`,
    barText(figure.bar),
    figure.pass ? 'met' : '**not met**',
    measured,
  ]
  return `| ${cells.join(' | ')} |`
}

function barText(bar: Bar): string {
  return 'atLeast' in bar ? `>= ${bar.atLeast}` : `<= ${bar.atMost}`
}

function number(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 6 })
}

/** The class of machine in words, without its name. */
async function machine(browserVersion: string): Promise<string> {
  const isShared = (await readFile('/proc/cpuinfo', 'utf8').catch(() => '')).includes(' hypervisor')
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const system =
    /^PRETTY_NAME="([^"(]+?)\s*(?:\(.*)?"$/m.exec(release)?.[1]?.replace('GNU/Linux ', '') ?? process.platform
  const browser =
    browserVersion === '' ? `Node ${process.versions.node}` : `Chromium ${browserVersion.split('.')[0]}`
  return `${cpus().length} ${isShared ? 'shared ' : ''}cores, ${browser}, ${system}`
}
