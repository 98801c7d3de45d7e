import { isPeerId, type PeerId } from '../../base/index.ts'
import { TransportError } from '../transport/index.ts'

const MAX_LISTING_BYTES = 64 * 1024

/** A server lists no more of a key; stock ones list everybody. */
const MAX_LISTED = 32

/** The ids that are ids of ours, and whether the list was so short that nobody can be missing in it. */
export interface Listing {
  readonly peerIds: readonly PeerId[]
  readonly isWhole: boolean
}

/** What the server lists for `key`. Rejects with `signaling-down`, or `signal.reason`. */
export async function listPeers(signalingUrl: string, key: string, signal: AbortSignal): Promise<Listing> {
  try {
    const response = await ask(signalingUrl, `${key}/peers`, signal)
    if (!response.ok) throw new RangeError(`status ${response.status}`)
    const listed: unknown = JSON.parse(await readText(response))
    if (!Array.isArray(listed)) throw new TypeError('no list')
    return { peerIds: listed.filter(isPeerId), isWhole: listed.length < MAX_LISTED }
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    throw new TransportError('signaling-down', 'the signaling server does not say who is here', { cause })
  }
}

/** A plain request to the server, below its address. */
export function ask(signalingUrl: string, path: string, signal: AbortSignal): Promise<Response> {
  return fetch(`${signalingUrl.replace(/\/$/, '')}/${path}`, {
    signal,
    cache: 'no-store',
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
  })
}

/** Rejects where there is more than a list of peers may have. */
export async function readText(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  // Not every browser iterates over streams.
  for (let read = await reader?.read(); read?.value; read = await reader?.read()) {
    bytes += read.value.byteLength
    if (bytes > MAX_LISTING_BYTES) {
      void reader?.cancel()
      throw new RangeError('the list is too long')
    }
    text += decoder.decode(read.value, { stream: true })
  }
  return text + decoder.decode()
}
