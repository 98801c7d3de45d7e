import type { IncomingMessage } from 'node:http'
import { Hosts } from './hosts.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { Origins } from './origins.ts'

/** Each refused pair of origin and host is logged once, as long as there are so few. */
const MAX_LOGGED = 100
const MAX_SHOWN_CHARACTERS = 100

export interface AdmissionSettings {
  readonly trustedOrigins: readonly string[]
  readonly allowedHosts: readonly string[]
  readonly log: Log
}

/** Why a request is not served, in words for whoever runs the server. */
export interface Refused {
  readonly reason: 'origin' | 'host'
  readonly message: string
}

/** Whether a request may use the server, by the host that it names and the page that it comes from. */
export class Admission {
  readonly #hosts = new Hosts()
  readonly #origins: Origins
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #logged = new Set<string>()

  constructor({ trustedOrigins, allowedHosts, log }: AdmissionSettings, metrics: Metrics) {
    this.#hosts.add(allowedHosts)
    this.#origins = new Origins(trustedOrigins)
    this.#log = log
    this.#metrics = metrics
  }

  /** These names are this server's too. */
  answersTo(hosts: readonly string[]): void {
    this.#hosts.add(hosts)
  }

  /** Undefined where it may. What is refused is counted, and logged once. `page`: the origin where the request names none. */
  refusal(request: IncomingMessage, page?: string): Refused | undefined {
    const { origin = page, host } = request.headers
    if (!this.#hosts.allows(host)) return this.#refuse('host', origin, host, unknownHost(origin, host))
    if (!this.#origins.allows(origin, host))
      return this.#refuse('origin', origin, host, foreignOrigin(origin, host))
    return undefined
  }

  #refuse(
    reason: Refused['reason'],
    origin: string | undefined,
    host: string | undefined,
    message: string,
  ): Refused {
    this.#metrics.refuse(reason)
    const pair = `${shown(origin)} ${shown(host)}`
    if (this.#logged.size < MAX_LOGGED && !this.#logged.has(pair)) {
      this.#logged.add(pair)
      this.#log.error('refused', { reason, origin: shown(origin), host: shown(host), message })
    }
    return { reason, message }
  }
}

function unknownHost(origin: string | undefined, host: string | undefined): string {
  const name = shown(host)
  const url = origin?.endsWith(`://${host}`) ? shown(origin) : `https://${name}`
  return `This server does not answer to the name ${name}. If it is yours, start it with --public-url ${url} or --allow-host ${name}.`
}

function foreignOrigin(origin: string | undefined, host: string | undefined): string {
  const page = shown(origin)
  return `A page of ${page} asks a server that it calls ${shown(host)}. If a proxy is in between, start the server with --public-url ${page}, or let the proxy pass the Host header on with its port; if it is another site that you trust, with --trust-origin ${page}.`
}

/** What a request says may be anything. */
function shown(text: string | undefined): string {
  return (text ?? '').slice(0, MAX_SHOWN_CHARACTERS).replace(/[^\x21-\x7e]/g, '?')
}
