import { askForPeers, readText } from './peerjs-listing.ts'

const LIMIT_MS = 5_000
const MAX_WORDS = 500

/**
 * Why no WebSocket to the server opens, as far as a plain request tells: browsers say nothing of it. Undefined where the
 * server cannot be reached at all, which says itself. Never rejects.
 */
export async function diagnoseSignaling(signalingUrl: string, key: string): Promise<string | undefined> {
  try {
    const response = await askForPeers(signalingUrl, key, AbortSignal.timeout(LIMIT_MS))
    const type = response.headers.get('content-type') ?? ''
    const text = await readText(response)
    if (response.ok && type.includes('json') && Array.isArray(JSON.parse(text)))
      return 'The signaling server answers, but no WebSocket to it opens: something in between (a proxy, a filter) must pass the headers Upgrade and Connection on.'
    // Our server says in plain words what is missing.
    if (!response.ok && type.startsWith('text/plain') && text.trim() !== '')
      return `The signaling server refuses this page: ${text.trim().slice(0, MAX_WORDS)}`
    return `What answers at ${signalingUrl} is no signaling server (status ${response.status}): a path may be missing.`
  } catch {
    // Nobody there, or what came is too long or no JSON.
    return undefined
  }
}
