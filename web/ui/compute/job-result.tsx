import { Download } from 'lucide-react'
import { useState } from 'react'
import type { Job } from '../../compute/index.ts'
import { saveFile } from '../download.ts'
import { slug } from '../format.ts'
import { useAsync, useInSight } from '../hooks.ts'
import { Tabs } from '../parts/tabs.tsx'
import { VirtualTable } from '../parts/virtual-table.tsx'
import { text } from '../text.ts'
import { cutText, jsonText, valueText } from '../value-text.ts'
import { BarChart } from './compute-parts.ts'
import type { Pairs } from './pairs.ts'
import { resultCsv } from './result-csv.ts'

type View = 'table' | 'chart'
const VIEWS: readonly View[] = ['table', 'chart']
/** Characters of a key or value that are shown; the downloads have all of it. */
const MAX_CELL = 500

interface JobResultProps {
  readonly job: Job
  readonly dataset: string
  readonly isFresh: boolean
}

export function JobResult({ job, dataset, isFresh }: JobResultProps) {
  const { value: pairs } = useAsync((signal) => job.result({ signal }), [job])
  if (pairs === undefined) return null
  if (pairs.length === 0) return <p className="muted">{text.compute.noResult}</p>
  return <ResultView pairs={pairs} dataset={dataset} isFresh={isFresh} />
}

function ResultView({ pairs, dataset, isFresh }: { pairs: Pairs; dataset: string; isFresh: boolean }) {
  const [view, setView] = useState<View>('table')
  const [isSafe, setSafe] = useState(true)
  const element = useInSight<HTMLElement>(isFresh)
  const name = `${slug(dataset)}-result`
  const downloads = (
    <div className="action-row">
      <label className="check" title={text.compute.safeCsvHint}>
        <input type="checkbox" checked={isSafe} onChange={(event) => setSafe(event.target.checked)} />
        {text.compute.safeCsv}
      </label>
      <button
        type="button"
        className="button button-small"
        aria-label={text.compute.copyName.csv}
        onClick={() => saveFile(`${name}.csv`, new Blob([resultCsv(pairs, isSafe)], { type: 'text/csv' }))}
      >
        <Download aria-hidden="true" /> CSV
      </button>
      <button
        type="button"
        className="button button-small"
        aria-label={text.compute.copyName.json}
        onClick={() => saveFile(`${name}.json`, jsonOf(pairs))}
      >
        <Download aria-hidden="true" /> JSON
      </button>
    </div>
  )
  return (
    <section ref={element} className="result" aria-label={text.compute.result}>
      <Tabs
        label={text.compute.result}
        tabs={VIEWS.map((id) => ({ id, label: text.compute[id] }))}
        selected={view}
        onSelect={setView}
        aside={downloads}
      >
        {view === 'table' ? <ResultTable pairs={pairs} /> : <BarChart pairs={pairs} />}
      </Tabs>
    </section>
  )
}

function ResultTable({ pairs }: { pairs: Pairs }) {
  const isNumbers = pairs.every(([, value]) => typeof value === 'number')
  const columns = [{ label: text.compute.key }, { label: text.compute.value, isNumber: isNumbers }]
  const cell = (row: number, column: number) => cutText(valueText(pairs[row]?.[column]), MAX_CELL)
  return <VirtualTable label={text.compute.result} columns={columns} rowCount={pairs.length} cell={cell} />
}

/** One pair a line, so that it can be read and compared. */
function jsonOf(pairs: Pairs): Blob {
  return new Blob([`[\n${pairs.map((pair) => `  ${jsonText(pair)}`).join(',\n')}\n]\n`], {
    type: 'application/json',
  })
}
