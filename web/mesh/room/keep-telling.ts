import { type Clock, type Listeners, sleep } from '../../base/index.ts'

/** After a failure: the member has gone, is slow, or cannot understand. */
const RETRY_MS = 1_000

/** Something that has just been told. */
export interface Tale {
  readonly answer: Promise<unknown>
  /** What it rejects with is a failure too. */
  readonly heard: (answer: unknown) => void | Promise<void>
  /** What of it is news still is the teller's to say. */
  readonly failed: (error: unknown) => void
}

export interface Telling {
  readonly clock: Clock
  /** Ends the telling: the session is no member any more. */
  readonly signal: AbortSignal
  /** There may be more to tell. */
  readonly news: Listeners<[]>
  /** Tells something; undefined when the session knows all. */
  readonly tell: () => Tale | undefined
}

/** Tells one session all that is news to it, one thing at a time, what failed again after a second, until the signal aborts. */
export async function keepTelling({ clock, signal, news, tell }: Telling): Promise<void> {
  while (!signal.aborted) {
    const tale = tell()
    try {
      if (tale) {
        const hearing = tale.heard(await tale.answer)
        if (hearing) await hearing
      } else await news.next(signal)
    } catch (error) {
      if (signal.aborted) return
      tale?.failed(error)
      await sleep(clock, RETRY_MS, signal).catch(() => {
        // It left; the loop ends.
      })
    }
  }
}
