import { ArrowLeft, CornerUpLeft, Forward, Trash2 } from 'lucide-react'
import { type FormEvent, useId, useState } from 'react'
import { countText } from '../format.ts'
import { useNode } from '../hooks.ts'
import { ConfirmDialog } from '../parts/confirm-dialog.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { useDirectory } from '../people/directory.ts'
import { useRoomState } from '../room/room-state.ts'
import { text } from '../text.ts'
import { QueueConsumers } from './queue-consumers.tsx'
import { QueueMessages } from './queue-messages.tsx'
import { kindOf, type QueueRow } from './queue-watch.ts'
import { SendForm } from './send-form.tsx'
import { Sparkline } from './sparkline.tsx'

/** One queue: its figures, its messages, and what can be done with them. */
export function QueueDetail({ row }: { row: QueueRow }) {
  const { openQueue } = useRoomState()
  const directory = useDirectory()
  const holders = row.stats?.holders.map((peer) => directory(peer).name) ?? []
  return (
    <article className="queue" aria-labelledby="queue-title">
      <button type="button" className="quiet-link" onClick={() => openQueue.set(undefined)}>
        <ArrowLeft aria-hidden="true" /> {text.queues.all}
      </button>
      <header className="view-head">
        <div>
          <h2 id="queue-title">{row.name}</h2>
          <p className="muted">
            {text.queues.kinds[kindOf(row.name)]}
            {holders.length > 0 && ` · ${text.queues.keptBy(holders)}`}
          </p>
        </div>
      </header>
      <Figures row={row} />
      <Actions name={row.name} messages={row.stats?.messages ?? 0} />
      <QueueConsumers consumers={row.stats?.consumerList ?? []} count={row.stats?.consumers ?? 0} />
      <QueueMessages queue={row.name} count={row.stats?.messages ?? 0} />
      <section aria-label={text.queues.sendHere} className="queue-panel">
        <h3>{text.queues.sendHere}</h3>
        <SendForm queue={row.name} />
      </section>
    </article>
  )
}

function Figures({ row: { stats, comeIn, goOut } }: { row: QueueRow }) {
  if (!stats) return <p className="muted">{text.queues.looking}</p>
  const now = [
    [text.queues.waiting, stats.ready],
    [text.queues.inWork, stats.delivering - stats.prefetched],
    [text.queues.prefetched, stats.prefetched],
    [text.queues.later, stats.scheduled],
    [text.queues.consumers, stats.consumers],
  ] as const
  const since = [
    [text.queues.done, stats.acked],
    [text.queues.failed, stats.failed],
    [text.queues.expired, stats.expired],
    [text.queues.dead, stats.dead],
  ] as const
  return (
    <div className="queue-figures">
      <dl className="figures">
        {[...now, ...since].map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{countText(value)}</dd>
          </div>
        ))}
      </dl>
      <div className="queue-rates">
        <Rate name={text.queues.comeIn} values={comeIn} />
        <Rate name={text.queues.goOut} values={goOut} />
      </div>
    </div>
  )
}

function Rate({ name, values }: { name: string; values: readonly number[] }) {
  const now = values.at(-1) ?? 0
  return (
    <p className="queue-rate">
      <span className="muted small">{name}</span>
      <Sparkline values={values} label={text.queues.rateLabel(name, Math.max(0, ...values))} />
      <span>{text.queues.perSecond(now)}</span>
    </p>
  )
}

function Actions({ name, messages }: { name: string; messages: number }) {
  const node = useNode()
  const [asked, setAsked] = useState<'purge' | 'move'>()
  const [outcome, setOutcome] = useState<{ readonly kind: 'info' | 'error'; readonly words: string }>()
  const kind = kindOf(name)
  const attempt = (work: Promise<number>, words: (count: number) => string) => {
    setAsked(undefined)
    setOutcome(undefined)
    work.then(
      (count) => setOutcome({ kind: 'info', words: words(count) }),
      (error: Error) => setOutcome({ kind: 'error', words: error.message }),
    )
  }
  const queue = node.queue(name)
  return (
    <>
      <div className="action-row">
        {(kind === 'dead' || kind === 'expired') && (
          <button
            type="button"
            className="button button-primary"
            disabled={messages === 0}
            onClick={() => attempt(queue.retry(), text.queues.retried)}
          >
            <CornerUpLeft aria-hidden="true" /> {text.queues.retry}
          </button>
        )}
        <button type="button" className="button" disabled={messages === 0} onClick={() => setAsked('move')}>
          <Forward aria-hidden="true" /> {text.queues.move}
        </button>
        <button
          type="button"
          className="button button-quiet-danger"
          disabled={messages === 0}
          onClick={() => setAsked('purge')}
        >
          <Trash2 aria-hidden="true" /> {text.queues.purge}
        </button>
      </div>
      <div role="status">{outcome?.kind === 'info' && <Notice kind="info">{outcome.words}</Notice>}</div>
      {outcome?.kind === 'error' && <Notice kind="error">{outcome.words}</Notice>}
      {asked === 'purge' && (
        <ConfirmDialog
          title={text.queues.purgeTitle(name)}
          body={text.queues.purgeBody}
          confirm={text.queues.purgeConfirm}
          onConfirm={() => attempt(queue.purge(), text.queues.purged)}
          onClose={() => setAsked(undefined)}
        />
      )}
      {asked === 'move' && (
        <MoveDialog
          name={name}
          onMove={(to) => attempt(queue.move(to), text.queues.moved)}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  )
}

function MoveDialog({
  name,
  onMove,
  onClose,
}: {
  name: string
  onMove: (to: string) => void
  onClose: () => void
}) {
  const ids = useId()
  const [to, setTo] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onMove(to.trim())
  }
  const actions = (
    <>
      <button type="button" className="button" onClick={onClose}>
        {text.room.cancel}
      </button>
      <button type="submit" form={`${ids}-form`} className="button button-primary">
        {text.queues.moveConfirm}
      </button>
    </>
  )
  return (
    <Dialog title={text.queues.moveTitle(name)} onClose={onClose} actions={actions}>
      <form id={`${ids}-form`} onSubmit={submit}>
        <p className="field">
          <label htmlFor={`${ids}-to`}>{text.queues.name}</label>
          <input
            id={`${ids}-to`}
            className="input"
            value={to}
            required
            autoComplete="off"
            data-autofocus
            placeholder={text.queues.nameHint}
            onChange={(event) => setTo(event.target.value)}
          />
        </p>
      </form>
    </Dialog>
  )
}
