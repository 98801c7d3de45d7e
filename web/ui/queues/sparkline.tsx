import { SAMPLES } from './queue-watch.ts'

const WIDTH = 120
const HEIGHT = 28

/** A minute of a rate. Words say the figure of now; the line says how it came there. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const most = Math.max(1, ...values)
  const step = WIDTH / (SAMPLES - 1)
  // Before somebody looked there is no figure: the line begins at its ground.
  const all = [...new Array<number>(SAMPLES - values.length).fill(0), ...values]
  const points = all.map((value, at) => {
    const y = HEIGHT - 2 - (value / most) * (HEIGHT - 4)
    return `${(at * step).toFixed(1)},${y.toFixed(1)}`
  })
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img">
      <title>{label}</title>
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  )
}
