/**
 * The root of every error that Tabmesh throws on purpose. Each layer has an `errors.ts` with its own class and closed
 * set of codes; callers match on the class or on `code`, never on text. `message` says what happened and, where a
 * person can act, what to do.
 */
export class TabmeshError<Code extends string = string> extends Error {
  readonly code: Code

  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The text of anything that was thrown, for messages and logs. */
export function reasonText(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason)
}
