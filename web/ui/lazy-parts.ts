import { createElement, useEffect } from 'react'
import { BarChart, CodeEditor } from './compute/compute-parts.ts'
import { createPart, loadEach } from './parts/part.tsx'
import { text } from './text.ts'

const opening = () => createElement('p', { className: 'muted' }, text.room.opening)

export const Files = createPart(async () => (await import('./files/files.tsx')).Files, opening)
export const Queues = createPart(async () => (await import('./queues/queues.tsx')).Queues, opening)
export const Compute = createPart(async () => (await import('./compute/compute.tsx')).Compute, opening)
/** With the QR encoder, which only an inviter needs. */
export const InviteBody = createPart(async () => (await import('./room/invite-dialog.tsx')).InviteBody)

const ALL = [InviteBody, Files, Compute, Queues, BarChart, CodeEditor]

/**
 * Everything that a room may show is fetched while the server is there: it may be gone when the part is wanted, and not
 * every browser keeps the page for that (a certificate of one's own has no service worker).
 */
export function usePreload(): void {
  useEffect(() => {
    void loadEach(ALL)
  }, [])
}
