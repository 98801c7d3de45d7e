import { useMemo } from 'react'
import { encode } from 'uqr'
import { text } from '../text.ts'

/** Scanners want four modules of white around the code. */
const BORDER = 4

export function QrCode({ value }: { value: string }) {
  const { size, path } = useMemo(() => {
    const code = encode(value, { ecc: 'M', border: BORDER })
    const squares = code.data.flatMap((row, y) =>
      row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])),
    )
    return { size: code.size, path: squares.join('') }
  }, [value])
  return (
    <svg
      className="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={text.invite.qr}
      shapeRendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#14171a" />
    </svg>
  )
}
