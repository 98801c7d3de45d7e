import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useRef } from 'react'
import { text } from '../text.ts'

export interface Column {
  readonly label: string
  /** A CSS length; left out, the column takes its share of the rest. */
  readonly width?: string
  readonly isNumber?: boolean
}

interface VirtualTableProps {
  readonly label: string
  readonly columns: readonly Column[]
  readonly rowCount: number
  readonly cell: (row: number, column: number) => ReactNode
}

const ROW_PX = 34
const MOST_PX = 352

/** A table of any length that keeps only the rows in sight; readers are told the true number of rows. */
export function VirtualTable({ label, columns, rowCount, cell }: VirtualTableProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: rowCount,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  })
  const items = rows.getVirtualItems()
  const above = items[0]?.start ?? 0
  const below = rows.getTotalSize() - (items.at(-1)?.end ?? 0)
  const className = (column: Column) => (column.isNumber ? 'cell-number' : undefined)
  return (
    <section
      ref={scroller}
      className="vtable"
      aria-label={text.tableOf(label)}
      style={{ height: Math.min(MOST_PX, (rowCount + 1) * ROW_PX + 2) }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
      tabIndex={0}
    >
      <table aria-label={label} aria-rowcount={rowCount + 1}>
        <colgroup>
          {columns.map((column) => (
            <col key={column.label} style={{ width: column.width }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th key={column.label} scope="col" className={className(column)}>
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Gap height={above} columns={columns.length} />}
          {items.map((item) => (
            <tr key={item.key} aria-rowindex={item.index + 2}>
              {columns.map((column, at) => (
                <td key={column.label} className={className(column)}>
                  {cell(item.index, at)}
                </td>
              ))}
            </tr>
          ))}
          {below > 0 && <Gap height={below} columns={columns.length} />}
        </tbody>
      </table>
    </section>
  )
}

/** Stands for the rows that are out of sight. */
function Gap({ height, columns }: { height: number; columns: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row takes no focus.
    <tr aria-hidden="true" className="vtable-gap">
      <td colSpan={columns} style={{ height }} />
    </tr>
  )
}
