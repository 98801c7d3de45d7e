import { useEffect, useState } from 'react'
import type { MeshNode, Message } from '../node.ts'

const DEFAULT_LIMIT = 100

export interface TopicViewOptions {
  /** Messages that are kept for the view, the newest. Default 100. */
  readonly limit?: number
  /** Begin with what the room has kept of it. Default false. */
  readonly history?: boolean
  readonly selector?: string
}

export interface TopicView {
  /** Oldest first. */
  readonly messages: readonly Message[]
  /** Why no more will come: a bad name or selector, or the node has ended. */
  readonly error?: Error
}

const EMPTY: TopicView = { messages: [] }

/** The newest messages of a topic, or of all that fit a pattern. */
export function useTopic(
  node: MeshNode | undefined,
  name: string,
  { limit = DEFAULT_LIMIT, history = false, selector }: TopicViewOptions = {},
): TopicView {
  const [view, setView] = useState<TopicView>(EMPTY)
  useEffect(() => {
    setView(EMPTY)
    if (node === undefined) return undefined
    const stopped = new AbortController()
    const pending: Message[] = []
    const flush = onceAFrame(stopped.signal, () => {
      const came = pending.splice(0)
      setView(({ messages }) => ({ messages: [...messages, ...came].slice(-limit) }))
    })
    const read = async () => {
      const options = { history, signal: stopped.signal, ...(selector === undefined ? {} : { selector }) }
      for await (const message of node.topic(name).subscribe(options)) {
        pending.push(message)
        if (pending.length > limit) pending.shift()
        flush()
      }
    }
    read().catch((error: Error) => {
      if (!stopped.signal.aborted) setView(({ messages }) => ({ messages, error }))
    })
    return () => stopped.abort()
  }, [node, name, limit, history, selector])
  return view
}

const FRAME_MS = 16

/** Many calls within a frame are one. A timer, since a hidden tab has no frames. */
function onceAFrame(signal: AbortSignal, work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  return () => {
    if (timer !== undefined) return
    timer = setTimeout(() => {
      timer = undefined
      if (!signal.aborted) work()
    }, FRAME_MS)
  }
}
