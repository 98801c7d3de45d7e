import type { ConsumerStats } from '../../messaging/index.ts'
import { countText, durationText } from '../format.ts'
import { useDirectory } from '../people/directory.ts'
import { text } from '../text.ts'

/** Who takes messages from a queue, one loop a row. */
export function QueueConsumers({ consumers, count }: { consumers: readonly ConsumerStats[]; count: number }) {
  const directory = useDirectory()
  if (consumers.length === 0) return null
  return (
    <section className="queue-messages" aria-label={text.queues.consumers}>
      <h3>{text.queues.consumers}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: What scrolls must be reachable by keyboard. */}
      <section className="record-table" tabIndex={0} aria-label={text.queues.consumerTable}>
        <table>
          <thead>
            <tr>
              <th scope="col">{text.queues.consumerColumns.who}</th>
              <th scope="col">{text.queues.consumerColumns.wants}</th>
              <th scope="col">{text.queues.consumerColumns.has}</th>
              <th scope="col">{text.queues.consumerColumns.given}</th>
              <th scope="col">{text.queues.consumerColumns.here}</th>
            </tr>
          </thead>
          <tbody>
            {consumers.map((consumer) => (
              <tr key={consumer.id}>
                <td>{directory(consumer.peer).name}</td>
                <td className="queue-cell">
                  {consumer.selector || text.queues.everything}
                  <Rank consumer={consumer} />
                </td>
                <td>{countText(consumer.delivering)}</td>
                <td>{countText(consumer.delivered)}</td>
                <td>{durationText(consumer.forMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {count > consumers.length && (
        <p className="muted small">{text.queues.shown(consumers.length, count)}</p>
      )}
    </section>
  )
}

function Rank({ consumer: { priority, exclusive } }: { consumer: ConsumerStats }) {
  const notes = [
    ...(exclusive ? [text.queues.alone] : []),
    ...(priority === 0 ? [] : [text.queues.rank(priority)]),
  ]
  return notes.length === 0 ? null : <span className="muted small queue-headers">{notes.join(' · ')}</span>
}
