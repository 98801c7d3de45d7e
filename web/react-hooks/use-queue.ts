import { useEffect, useState } from 'react'
import type { MeshNode, QueueStats } from '../node.ts'

const DEFAULT_EVERY_MS = 1_000

export interface QueueViewOptions {
  /** How long after an answer the owner is asked again. Default 1,000. */
  readonly everyMs?: number
}

export interface QueueView {
  /** The last answer. */
  readonly stats?: QueueStats
  /** Why there is no newer one. */
  readonly error?: Error
}

/** What waits in a queue, is in delivery, and was finished, asked of its owner again and again. */
export function useQueue(
  node: MeshNode | undefined,
  name: string,
  { everyMs = DEFAULT_EVERY_MS }: QueueViewOptions = {},
): QueueView {
  const [view, setView] = useState<QueueView>({})
  useEffect(() => {
    if (node === undefined) return undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let isOver = false
    const show = (change: (view: QueueView) => QueueView) => {
      if (isOver) return
      setView(change)
      timer = setTimeout(ask, everyMs)
    }
    const ask = () => {
      Promise.resolve()
        .then(() => node.queue(name).stats())
        .then(
          (stats) => show(() => ({ stats })),
          (error: Error) => show((view) => ({ ...view, error })),
        )
    }
    setView({})
    ask()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [node, name, everyMs])
  return view
}
