import {
  createContext,
  type RefObject,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import type { HistoryEntry } from '../messaging/index.ts'
import type { MeshNode, NodeSnapshot } from '../node.ts'
import { useNodeSnapshot } from '../react-hooks/use-node.ts'

export const NodeContext = createContext<MeshNode | undefined>(undefined)

/** The room's node. Only below a room view. */
export function useNode(): MeshNode {
  const node = useContext(NodeContext)
  if (node === undefined) throw new Error('no room around this component')
  return node
}

export function useSnapshot(): NodeSnapshot {
  return useNodeSnapshot(useNode())
}

export function useEntries(topic: string): readonly HistoryEntry[] {
  const { history } = useNode()
  return useSyncExternalStore(
    (listener) => history.subscribe(listener),
    () => history.entries(topic),
  )
}

/**
 * The same subscription for what changes many times a second: the listener hears of it after `ms`, once, so that what
 * has come and gone meanwhile costs no rendering and does not flicker.
 */
export function calm(
  subscribe: (listener: () => void) => () => void,
  ms: number,
): (listener: () => void) => () => void {
  return (listener) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined
        listener()
      }, ms)
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }
}

/** For sources that make a new list at each reading: the same list again while its items are the same. */
export function useList<Item>(
  subscribe: (listener: () => void) => () => void,
  read: () => readonly Item[],
  sameItem: (a: Item, b: Item) => boolean = Object.is,
): readonly Item[] {
  const last = useRef<readonly Item[]>([])
  return useSyncExternalStore(subscribe, () => {
    const next = read()
    const isSame =
      next.length === last.current.length &&
      next.every((item, at) => sameItem(item, last.current[at] as Item))
    if (!isSame) last.current = next
    return last.current
  })
}

/** The wall clock, for "2 minutes ago": renders again each `everyMs`; `undefined` lets it stand still. */
export function useNow(everyMs: number | undefined): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (everyMs === undefined) return undefined
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query)
      media.addEventListener('change', listener)
      return () => media.removeEventListener('change', listener)
    },
    () => matchMedia(query).matches,
  )
}

/** Where a part of the page begins that has just appeared: it is brought into sight once, if that is wanted. */
export function useInSight<Part extends HTMLElement>(isWanted: boolean): RefObject<Part | null> {
  const element = useRef<Part>(null)
  useEffect(() => {
    if (isWanted) element.current?.scrollIntoView({ block: 'nearest', behavior: 'smooth' })
  }, [])
  return element
}

/** What `load` resolves to; runs again when `deps` change, aborting the run before. */
export function useAsync<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  deps: readonly unknown[],
): { readonly value?: Value; readonly error?: Error } {
  const [state, setState] = useState<{ value?: Value; error?: Error }>({})
  useEffect(() => {
    const controller = new AbortController()
    setState({})
    load(controller.signal).then(
      (value) => controller.signal.aborted || setState({ value }),
      (error: unknown) =>
        controller.signal.aborted ||
        setState({ error: error instanceof Error ? error : new Error(String(error)) }),
    )
    return () => controller.abort()
  }, deps)
  return state
}
