/** What the same request is answered however often it is sent: it breaks a bound, or says what is not so. */
const FINAL: ReadonlySet<unknown> = new Set([
  'malformed',
  'bad-name',
  'bad-option',
  'bad-body',
  'bad-selector',
  'too-large',
  'too-deep',
  'not-encodable',
  'settings-conflict',
])

/** Whether it is no use to ask again: of a peer's answer, and of what this node refused to send. */
export function isFinal(error: unknown): boolean {
  return FINAL.has((error as { readonly code?: unknown } | null | undefined)?.code)
}
