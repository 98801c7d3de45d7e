/** What the server that serves the page says of itself. */
export interface ServerConfig {
  readonly iceServers: readonly RTCIceServer[]
  /** The https address of the same page for other devices of this network. */
  readonly lanUrl: string | undefined
}

const NONE: ServerConfig = { iceServers: [], lanUrl: undefined }
const CONFIG_LIMIT_MS = 2_000

/** Never rejects: a page that is open without its server works with what it has. */
export async function fetchServerConfig(server: URL, signal: AbortSignal | undefined): Promise<ServerConfig> {
  const limit = AbortSignal.timeout(CONFIG_LIMIT_MS)
  try {
    const response = await fetch(new URL('config', server), {
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      cache: 'no-store',
    })
    return response.ok ? readConfig(await response.json()) : NONE
  } catch {
    // Offline, or another kind of server.
    return NONE
  }
}

function readConfig(value: unknown): ServerConfig {
  if (typeof value !== 'object' || value === null) return NONE
  const { iceServers, lanUrl } = value as { iceServers?: unknown; lanUrl?: unknown }
  return {
    iceServers: Array.isArray(iceServers) ? iceServers.filter(isIceServer) : [],
    lanUrl:
      typeof lanUrl === 'string' && URL.canParse(lanUrl) && new URL(lanUrl).protocol === 'https:'
        ? lanUrl
        : undefined,
  }
}

function isIceServer(value: unknown): value is RTCIceServer {
  if (typeof value !== 'object' || value === null) return false
  const { urls } = value as { urls?: unknown }
  const all: readonly unknown[] = Array.isArray(urls) ? urls : [urls]
  return all.length > 0 && all.every((url) => typeof url === 'string' && /^(stun|turn)s?:/.test(url))
}
