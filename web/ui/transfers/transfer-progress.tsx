import { useMemo, useSyncExternalStore } from 'react'
import type { FileTransfer, TransferSnapshot } from '../../messaging/index.ts'
import { bytesText, durationText } from '../format.ts'
import { calm } from '../hooks.ts'
import { Progress } from '../parts/progress.tsx'
import { text } from '../text.ts'

const CALM_MS = 200

export function useTransfer(transfer: FileTransfer): TransferSnapshot {
  const subscribe = useMemo(() => calm(transfer.subscribe, CALM_MS), [transfer])
  return useSyncExternalStore(subscribe, transfer.getSnapshot)
}

/** How far a file is, in a bar and in words: bytes that are on the receiver's disk, rate, time left, or what is the matter. */
export function TransferProgress({ transfer }: { transfer: FileTransfer }) {
  const snapshot = useTransfer(transfer)
  const { state, bytes, reason } = snapshot
  const { name, size } = transfer.file
  const isGoing = state === 'moving' || state === 'waiting' || state === 'stopped'
  const words = wordsOf(snapshot, size)
  if (isGoing) return <Progress label={name} value={size === 0 ? 1 : bytes / size} words={words} />
  return (
    <p className={state === 'failed' ? 'field-error' : 'muted small'} role="status">
      {words}
      {reason && state !== 'declined' ? `: ${reason}` : ''}
    </p>
  )
}

function wordsOf({ state, bytes, bytesPerSecond, reason }: TransferSnapshot, size: number): string {
  if (state === 'moving' || state === 'waiting' || state === 'stopped') {
    const parts = [`${bytesText(bytes)} of ${bytesText(size)}`]
    if (state === 'moving' && bytesPerSecond > 0) {
      parts.push(`${bytesText(bytesPerSecond)}/s`)
      parts.push(text.transfers.left(durationText(((size - bytes) / bytesPerSecond) * 1_000)))
    }
    if (state !== 'moving') parts.push(reason ?? text.transfers.state[state])
    return parts.join(' · ')
  }
  return `${bytesText(size)} · ${text.transfers.state[state]}`
}
