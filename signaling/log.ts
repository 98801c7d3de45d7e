export const LOG_LEVELS = ['silent', 'error', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Values that may be logged: ids, counts and reasons, never payloads, tokens or room secrets. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>

/** JSON lines with `time`, `level` and `event` first. */
export interface Log {
  error(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  /** Fields are made only where the level is on, since this runs for each connection. */
  debug(event: string, fields: () => LogFields): void
}

export function createLog(level: LogLevel, write: (line: string) => void): Log {
  const rank = LOG_LEVELS.indexOf(level)
  const put = (at: LogLevel, event: string, fields?: LogFields) => {
    if (rank < LOG_LEVELS.indexOf(at)) return
    write(`${JSON.stringify({ time: new Date().toISOString(), level: at, event, ...fields })}\n`)
  }
  return {
    error: (event, fields) => put('error', event, fields),
    info: (event, fields) => put('info', event, fields),
    debug: (event, fields) => {
      if (rank >= LOG_LEVELS.indexOf('debug')) put('debug', event, fields())
    },
  }
}
