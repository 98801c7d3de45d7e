/** What the server that serves the page says of itself. */
export interface ServerConfig {
  readonly iceServers: readonly RTCIceServer[]
  /** The https address of the same page for other devices of this network. */
  readonly lanUrl: string | undefined
  /** Where browsers find the page, if a proxy is in front. */
  readonly publicUrl: string | undefined
  /** Where the protocol lives below the server's address, with a slash at both ends. */
  readonly path: string
  /** Why the server refuses this page, in the server's words. */
  readonly refusal: string | undefined
}

const NONE: ServerConfig = {
  iceServers: [],
  lanUrl: undefined,
  publicUrl: undefined,
  path: '/',
  refusal: undefined,
}
const CONFIG_LIMIT_MS = 2_000
const MAX_REFUSAL_CHARACTERS = 500

/** Never rejects: a page that is open without its server works with what it has. */
export async function fetchServerConfig(server: URL, signal: AbortSignal | undefined): Promise<ServerConfig> {
  const limit = AbortSignal.timeout(CONFIG_LIMIT_MS)
  try {
    const response = await fetch(new URL('config', server), {
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: 'no-store',
    })
    if (response.status === 403)
      return { ...NONE, refusal: (await response.text()).trim().slice(0, MAX_REFUSAL_CHARACTERS) }
    return response.ok ? readConfig(await response.json()) : NONE
  } catch {
    // Offline, or another kind of server.
    return NONE
  }
}

function readConfig(value: unknown): ServerConfig {
  if (typeof value !== 'object' || value === null) return NONE
  const { iceServers, lanUrl, publicUrl, path } = value as { [name: string]: unknown }
  return {
    iceServers: Array.isArray(iceServers) ? iceServers.filter(isIceServer) : [],
    lanUrl: isUrl(lanUrl, ['https:']) ? lanUrl : undefined,
    publicUrl: isUrl(publicUrl, ['https:', 'http:']) ? publicUrl : undefined,
    path: typeof path === 'string' && /^\/[\w.~/-]{0,256}$/.test(path) && path.endsWith('/') ? path : '/',
    refusal: undefined,
  }
}

function isUrl(value: unknown, protocols: readonly string[]): value is string {
  return typeof value === 'string' && URL.canParse(value) && protocols.includes(new URL(value).protocol)
}

function isIceServer(value: unknown): value is RTCIceServer {
  if (typeof value !== 'object' || value === null) return false
  const { urls } = value as { urls?: unknown }
  const all: readonly unknown[] = Array.isArray(urls) ? urls : [urls]
  return all.length > 0 && all.every((url) => typeof url === 'string' && /^(stun|turn)s?:/.test(url))
}
