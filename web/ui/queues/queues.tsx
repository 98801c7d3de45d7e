import { Inbox } from 'lucide-react'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { countText, waitText } from '../format.ts'
import { Empty } from '../parts/empty.tsx'
import { Notice } from '../parts/notice.tsx'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { QueueDetail } from './queue-detail.tsx'
import { kindOf, type QueueRow } from './queue-watch.ts'
import { SendForm } from './send-form.tsx'
import { Sparkline } from './sparkline.tsx'

/** What has waited for less is not worth a word. */
const OLD_MS = 60_000

/** The queues of the room, in the manner of a message broker's console. */
export function Queues() {
  const { queueWatch, openQueue } = useRoomState()
  const rows = useSyncExternalStore(queueWatch.rows.subscribe, queueWatch.rows.get)
  const openName = useSyncExternalStore(openQueue.subscribe, openQueue.get)
  useEffect(() => queueWatch.watch(), [queueWatch])
  const opened = rows.find((row) => row.name === openName)
  const [gone, setGone] = useState<string>()
  const isOpen = opened !== undefined
  // Whoever looks at a queue that is deleted meanwhile is told.
  useEffect(() => {
    if (!isOpen || openName === undefined) return
    setGone(undefined)
    return () => {
      if (queueWatch.rows.get().some((row) => row.name === openName)) return
      openQueue.set(undefined)
      setGone(openName)
    }
  }, [isOpen, openName, openQueue, queueWatch])
  if (opened) return <QueueDetail row={opened} />
  return (
    <div className="queues">
      <header className="view-head">
        <div>
          <h2>{text.queues.title}</h2>
          <p className="muted">{text.queues.hint}</p>
        </div>
      </header>
      {gone !== undefined && <Notice kind="info">{text.queues.deleted(gone)}</Notice>}
      {rows.length === 0 ? (
        <Empty icon={<Inbox aria-hidden="true" />} title={text.queues.empty} hint={text.queues.emptyHint} />
      ) : (
        <QueueList rows={rows} onOpen={openQueue.set} />
      )}
      <section aria-label={text.queues.sendNew} className="queue-panel">
        <h3>{text.queues.sendNew}</h3>
        <SendForm />
      </section>
    </div>
  )
}

function QueueList({ rows, onOpen }: { rows: readonly QueueRow[]; onOpen: (name: string) => void }) {
  return (
    <ul className="queue-list">
      {rows.map((row) => (
        <li key={row.name}>
          <button type="button" className="queue-row" onClick={() => onOpen(row.name)}>
            <span className="queue-main">
              <span className="queue-name">{row.name}</span>
              <span className="muted small">
                {text.queues.kinds[kindOf(row.name)]}
                {row.stats && ` · ${text.queues.consumerCount(row.stats.consumers)}`}
              </span>
              <QueueState row={row} dead={deadOf(row, rows)} />
            </span>
            <Sparkline
              values={row.comeIn}
              label={text.queues.rateLabel(text.queues.comeIn, Math.max(0, ...row.comeIn))}
            />
            <span className="queue-count">
              <strong>{row.stats ? countText(row.stats.messages) : '…'}</strong>
              <span className="muted small"> {text.queues.messagesWord(row.stats?.messages ?? 0)}</span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  )
}

/** What is in it and does not move, in words. */
function QueueState({ row: { stats }, dead }: { row: QueueRow; dead: number }) {
  const parts = stats
    ? [
        [stats.ready, text.queues.waiting],
        [stats.delivering - stats.prefetched, text.queues.inWork],
        [stats.prefetched, text.queues.prefetched],
        [stats.scheduled, text.queues.later],
        [dead, text.queues.dead],
        [stats.stuck, text.queues.stuck],
        [stats.homeless, text.queues.homeless],
      ].filter(([count]) => Number(count) > 0)
    : []
  if (parts.length === 0) return null
  const isStuck = dead > 0 || (stats?.stuck ?? 0) > 0
  const words = [
    ...parts.map(([count, name]) => `${name}: ${countText(Number(count))}`),
    ...(stats && stats.oldestMs >= OLD_MS ? [text.queues.oldest(waitText(stats.oldestMs))] : []),
  ].join(' · ')
  return <span className={isStuck ? 'small queue-stuck' : 'muted small'}>{words}</span>
}

/** Messages that this queue has given up, and that wait among its dead letters. */
function deadOf({ name }: QueueRow, rows: readonly QueueRow[]): number {
  return rows.find((row) => row.name === `DLQ.${name}`)?.stats?.messages ?? 0
}
