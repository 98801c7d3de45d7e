/** Finds where records end in UTF-8 bytes, and notes what is odd on the way. */
export interface RecordScanner {
  /**
   * Behind what begins at `start`, a record or a line that is none; -1 when it depends on what follows. `isLast`: nothing
   * follows.
   */
  next(bytes: Uint8Array, start: number, isLast: boolean): number
  /** Line ends in what `next` has passed. */
  readonly lines: number
  /** What `next` found is a record, and no blank line, comment or skipped line. */
  readonly isRecord: boolean
}
