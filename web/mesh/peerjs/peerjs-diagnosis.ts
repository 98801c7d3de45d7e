import { ask, readText } from './peerjs-listing.ts'

const LIMIT_MS = 5_000
const MAX_WORDS = 500

/**
 * Why no WebSocket to the server opens, as far as a plain request tells: browsers say nothing of it. Undefined where the
 * server cannot be reached at all, which says itself. Never rejects.
 */
export async function diagnoseSignaling(signalingUrl: string, key: string): Promise<string | undefined> {
  const signal = AbortSignal.timeout(LIMIT_MS)
  try {
    return (await askOurs(signalingUrl, signal)) ?? (await askAny(signalingUrl, key, signal))
  } catch {
    // Nobody there, or what came is too long or no JSON.
    return undefined
  }
}

/** Our server says in plain words what is missing. A page's request to its own origin does not name it, as a WebSocket does. */
async function askOurs(signalingUrl: string, signal: AbortSignal): Promise<string | undefined> {
  const page = encodeURIComponent(location.origin)
  const response = await ask(signalingUrl, `peerjs?page=${page}`, signal)
  const words = (await readText(response)).trim().slice(0, MAX_WORDS)
  const isOurs = !response.ok && (response.headers.get('content-type') ?? '').startsWith('text/plain')
  return isOurs && words !== '' && response.status !== 404
    ? `No connection to the signaling server opens. ${words}`
    : undefined
}

async function askAny(signalingUrl: string, key: string, signal: AbortSignal): Promise<string> {
  const response = await ask(signalingUrl, `${key}/peers`, signal)
  const isJson = (response.headers.get('content-type') ?? '').includes('json')
  if (response.ok && isJson && Array.isArray(JSON.parse(await readText(response))))
    return 'The signaling server answers, but no WebSocket to it opens: something in between (a proxy, a filter) must pass the headers Upgrade and Connection on.'
  return `What answers at ${signalingUrl} is no signaling server (status ${response.status}): a path may be missing.`
}
