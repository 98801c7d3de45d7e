import { useSyncExternalStore } from 'react'
import { useRoomState } from '../room/room-state.ts'
import type { Composing } from './composing.ts'

export function useComposing(topic: string): {
  readonly composing: Composing | undefined
  setComposing(next: Composing | undefined): void
} {
  const { composing } = useRoomState()
  const all = useSyncExternalStore(composing.subscribe, composing.get)
  return {
    composing: all.get(topic),
    setComposing: (next) => {
      const changed = new Map(composing.get())
      if (next) changed.set(topic, next)
      else changed.delete(topic)
      composing.set(changed)
    },
  }
}
