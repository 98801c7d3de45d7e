import { isIP } from 'node:net'

/** A host as browsers write it in `Host`: a name or address, in lower case, and no port. */
export function hostNameOf(host: string): string {
  const withoutPort = host.replace(/:\d*$/, '').toLowerCase()
  return withoutPort.endsWith('.') ? withoutPort.slice(0, -1) : withoutPort
}

/**
 * Which names this server answers to. A page of a stranger whose name is suddenly this machine's address (DNS rebinding) is
 * told by that name. Addresses and `localhost` cannot be rebound, and a request without a Host is from no browser.
 */
export class Hosts {
  readonly #names = new Set<string>()

  /** `*.example.org` is any name with one word more, `*` any at all. */
  add(names: readonly string[]): void {
    for (const name of names) this.#names.add(hostNameOf(name))
  }

  allows(host: string | undefined): boolean {
    if (host === undefined || this.#names.has('*')) return true
    const name = hostNameOf(host)
    if (name === 'localhost' || name.endsWith('.localhost') || this.#names.has(name)) return true
    if (this.#names.has(`*${name.slice(Math.max(0, name.indexOf('.')))}`)) return true
    return isIP(name) === 4 || (name.startsWith('[') && name.endsWith(']') && isIP(name.slice(1, -1)) === 6)
  }
}
