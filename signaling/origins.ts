/**
 * Which pages may use the server: those of the host that the request names (so the app that it serves, under whatever
 * name or proxy), the trusted ones, and whatever is no browser and so sends no Origin.
 */
export class Origins {
  readonly #trusted: ReadonlySet<string>

  constructor(trusted: readonly string[]) {
    this.#trusted = new Set(trusted)
  }

  allows(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined) return true
    if (this.#trusted.has('*') || this.#trusted.has(origin)) return true
    return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
  }
}
