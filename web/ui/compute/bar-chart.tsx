import { useMemo } from 'react'
import { text } from '../text.ts'
import { valueText } from '../value-text.ts'
import type { Pairs } from './pairs.ts'

const MOST = 50

/** The largest values as bars. It is a table, so it is read like one. */
export function BarChart({ pairs }: { pairs: Pairs }) {
  const bars = useMemo(() => barsOf(pairs), [pairs])
  if (bars.length === 0) return <p className="muted">{text.compute.noChart}</p>
  const low = Math.min(0, ...bars.map((bar) => bar.value))
  const span = Math.max(0, ...bars.map((bar) => bar.value)) - low || 1
  return (
    <table className="chart">
      <caption className="muted small">{text.compute.chartFirst(bars.length, pairs.length)}</caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">{text.compute.key}</th>
          <th scope="col">{text.compute.value}</th>
        </tr>
      </thead>
      <tbody>
        {bars.map(({ key, value }) => (
          <tr key={`${typeof key} ${key}`}>
            <th scope="row" title={String(key)}>
              {String(key) || '(empty)'}
            </th>
            <td>
              <span className="bar-track" aria-hidden="true">
                <span
                  className={value < 0 ? 'bar is-negative' : 'bar'}
                  style={{
                    left: `${((Math.min(0, value) - low) / span) * 100}%`,
                    width: `${(Math.abs(value) / span) * 100}%`,
                  }}
                />
              </span>
              <span className="bar-value">{shortNumber(value)}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** In key order where all fit and keys are numbers (a spread), else the largest first. */
function barsOf(pairs: Pairs): readonly { key: string | number; value: number }[] {
  const bars = pairs.flatMap(([key, value]) =>
    typeof value === 'number' && Number.isFinite(value) ? [{ key, value }] : [],
  )
  if (bars.length <= MOST && bars.every(({ key }) => typeof key === 'number')) return bars
  return [...bars].sort((a, b) => b.value - a.value).slice(0, MOST)
}

function shortNumber(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en') : valueText(Number(value.toPrecision(5)))
}
