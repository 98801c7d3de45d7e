import { isId } from './protocol.ts'

/** Who a WebSocket says it is, or what is wrong with that. */
export type Query =
  | { readonly problem: 'parameters' | 'key' | 'id' | 'token' }
  | { readonly problem?: undefined; readonly key: string; readonly id: string; readonly token: string }

/** PeerJS writes the query in this order; any other is read the long way. */
const PEERJS_QUERY = /\?key=([\w-]*)&id=([\w-]*)&token=([\w-]*)(?:&version=[\w.-]*)?$/

/** In the stock server's order of checks: all three there, then the key, then ours for id and token. */
export function readQuery(url: string): Query {
  const found = PEERJS_QUERY.exec(url)
  if (found !== null) return check(found[1] ?? '', found[2] ?? '', found[3] ?? '')
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1))
  // The last of several counts, as with the stock server.
  const read = (name: string) => query.getAll(name).at(-1) ?? ''
  return check(read('key'), read('id'), read('token'))
}

function check(key: string, id: string, token: string): Query {
  if (key === '' || id === '' || token === '') return { problem: 'parameters' }
  if (!isId(key)) return { problem: 'key' }
  if (!isId(id)) return { problem: 'id' }
  if (!isId(token)) return { problem: 'token' }
  return { key, id, token }
}
