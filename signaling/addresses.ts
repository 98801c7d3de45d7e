import type { IncomingMessage } from 'node:http'
import { networkInterfaces } from 'node:os'

/** One address and how many WebSockets it has; shared by them. */
export interface AddressCount {
  readonly address: string
  count: number
}

/** Counts connections by address. */
export class Addresses {
  readonly #counts = new Map<string, AddressCount>()
  readonly #limit: number
  readonly #isProxied: boolean

  constructor(limit: number, isProxied: boolean) {
    this.#limit = limit
    this.#isProxied = isProxied
  }

  /** Counts one more, or gives undefined where the address has its share. */
  enter(request: IncomingMessage): AddressCount | undefined {
    const address = this.#addressOf(request)
    const known = this.#counts.get(address)
    if (known === undefined) {
      const first = { address, count: 1 }
      this.#counts.set(address, first)
      return first
    }
    if (known.count >= this.#limit) return undefined
    known.count++
    return known
  }

  leave(entry: AddressCount): void {
    entry.count--
    if (entry.count === 0) this.#counts.delete(entry.address)
  }

  #addressOf(request: IncomingMessage): string {
    const forwarded = this.#isProxied ? request.headers['x-forwarded-for'] : undefined
    const last = typeof forwarded === 'string' ? forwarded.slice(forwarded.lastIndexOf(',') + 1).trim() : ''
    return last !== '' ? last : (request.socket.remoteAddress ?? '')
  }
}

/** IPv4 addresses of this machine on its local networks, real network cards before those of containers. */
export function lanAddresses(interfaces = networkInterfaces()): string[] {
  return Object.entries(interfaces)
    .flatMap(([name, entries]) => (entries ?? []).map((entry) => ({ name, entry })))
    .filter(
      ({ entry }) => entry.family === 'IPv4' && !entry.internal && !entry.address.startsWith('169.254.'),
    )
    .sort((a, b) => Number(isVirtual(a.name)) - Number(isVirtual(b.name)))
    .map(({ entry }) => entry.address)
}

function isVirtual(name: string): boolean {
  return /^(docker|br-|veth|virbr|vmnet|vboxnet|tun|tap|utun|wg|zt)/.test(name)
}
