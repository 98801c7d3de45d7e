import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserError, type Job, type JoinOptions, type MeshNode, OptionError } from 'tabmesh'
import { useDatasets, useJob, usePeers, useQueue, useRoom, useTopic } from 'tabmesh/react'

const query = new URLSearchParams(location.search)
const signalingUrl = query.get('signaling') ?? '/tabmesh/'
const room: JoinOptions['room'] = location.hash === '' ? 'new' : { invite: location.href }

function App() {
  const [hasLeft, setLeft] = useState(false)
  const view = useRoom(hasLeft ? undefined : { room, name: 'Embedder', signalingUrl })
  if (view.state === 'failed') return <p role="alert">{described(view.error)}</p>
  if (hasLeft) return <p>left</p>
  return view.node ? <Room node={view.node} onLeave={() => setLeft(true)} /> : <p>{view.state}</p>
}

function described(error: Error): string {
  if (error instanceof BrowserError || error instanceof OptionError) return `${error.code}: ${error.message}`
  return error.message
}

function Room({ node, onLeave }: { node: MeshNode; onLeave: () => void }) {
  const peers = usePeers(node)
  const { messages, error } = useTopic(node, 'chat.general', { history: true, limit: 3 })
  const { stats } = useQueue(node, 'orders', { everyMs: 200 })
  const datasets = useDatasets(node)
  const [job, setJob] = useState<Job>()
  const count = async () => {
    const lines = await node.datasets.add('lines', new Blob(['ant\nbee\nant\n']), { format: 'text' })
    setJob(
      node.jobs.mapReduce({
        dataset: lines,
        map: (line: string, ctx) => ctx.emit(line, 1),
        reduce: (_key, values: number[]) => values.length,
      }),
    )
  }
  return (
    <>
      <h1>{node.name}</h1>
      <a href={node.invite}>invite</a>
      <ul aria-label="peers">
        {peers.map((peer) => (
          <li key={peer.peerId}>{peer.name}</li>
        ))}
      </ul>
      <ol aria-label="messages">
        {messages.map((message) => (
          <li key={message.id}>{String(message.body)}</li>
        ))}
      </ol>
      <output aria-label="topic error">{error?.message}</output>
      <output aria-label="waiting">{stats?.messages}</output>
      <output aria-label="datasets">{datasets.map(({ name }) => name).join()}</output>
      <button type="button" onClick={() => void node.topic('chat.general').publish('from the app')}>
        say
      </button>
      <button type="button" onClick={() => void node.queue('orders').send({ item: 7 })}>
        order
      </button>
      <button type="button" onClick={() => void count()}>
        count
      </button>
      <button type="button" onClick={onLeave}>
        leave
      </button>
      {job && <Counted job={job} />}
    </>
  )
}

function Counted({ job }: { job: Job }) {
  const { state } = useJob(job)
  const [pairs, setPairs] = useState('')
  if (state === 'done' && pairs === '') void job.result().then((result) => setPairs(JSON.stringify(result)))
  return <output aria-label="result">{pairs}</output>
}

const root = document.querySelector('#root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  )
}
