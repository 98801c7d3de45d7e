import type { Level } from '../../web/messaging/index.ts'

/** What a sender asked for, and what it was told. */
export interface Sending {
  readonly text: string
  readonly tab: number
  readonly queue: string
  readonly at: number
  readonly priority: number
  readonly group: string | undefined
  readonly dedupId: string | undefined
  /** The transaction that it is part of. */
  readonly tx: string | undefined
  told: { readonly level: Level; readonly copies: number; readonly isDuplicate: boolean } | undefined
}

/** A loop over a queue; it ends by itself at `to`, or with its tab. */
export interface Loop {
  readonly tab: number
  readonly queue: string
  readonly isExclusive: boolean
  readonly from: number
  to: number | undefined
}

/**
 * What became of an attempt, and when its tab was told: `acked` and `failed` were confirmed, `committed` is an ack of a
 * transaction, `refused` one that came too late.
 */
export interface Outcome {
  readonly how: 'acked' | 'failed' | 'committed' | 'refused'
  readonly at: number
}

/** One attempt as its loop saw it. */
export interface Take {
  readonly at: number
  readonly loop: Loop
  readonly text: string
  readonly id: string
  readonly deliveryCount: number
  readonly priority: number
  readonly group: string | undefined
  /** What its tab asked for; the owner may have done it though its tab was never told. */
  asked: { readonly how: 'acked' | 'failed'; readonly at: number } | undefined
  outcome: Outcome | undefined
}

/** A transaction that acks one attempt and sends to some queues. */
export interface Transfer {
  readonly name: string
  readonly tab: number
  readonly at: number
  readonly ack: Take
  readonly queues: readonly string[]
  outcome: { readonly how: 'committed' | 'aborted'; readonly at: number } | undefined
}

/** From one set of tabs to another nothing got through. */
export interface Cut {
  readonly from: number
  to: number
}

export interface Absence {
  readonly tab: number
  readonly how: 'dead' | 'asleep'
  readonly from: number
  /** Without an end it did not come back. */
  to: number
}

/** A room whose tabs take longer to meet has begun as more than one. */
const FORMED_MS = 2_000

/** What befell the tabs of a story. */
export interface Befallen {
  /** Devices that keep each message. */
  readonly copies: number
  readonly cuts: Cut[]
  readonly absences: Absence[]
  /** When which tab's disk was lost, and when which clock was set. */
  readonly lostDisks: { readonly tab: number; readonly at: number }[]
  readonly clocks: { readonly tab: number; readonly at: number; readonly byMs: number }[]
}

/** Everything that a story's tabs asked for, were told and went through, by virtual time: what the checkers judge. */
export class History implements Befallen {
  readonly sendings: Sending[] = []
  readonly loops: Loop[] = []
  /** In the order in which they came. */
  readonly takes: Take[] = []
  readonly transfers: Transfer[] = []
  readonly cuts: Cut[] = []
  readonly absences: Absence[] = []
  readonly lostDisks: Befallen['lostDisks'] = []
  readonly clocks: Befallen['clocks'] = []
  copies = 2
  /** Where messages come out of the story: a transfer brings them there. */
  last = ''

  /** What is to be called with the answer. */
  sends(sending: Omit<Sending, 'told'>): (told: NonNullable<Sending['told']>) => void {
    const whole: Sending = { ...sending, told: undefined }
    this.sendings.push(whole)
    return ({ level, copies, isDuplicate }) => {
      whole.told = { level, copies, isDuplicate }
    }
  }

  begins(loop: Omit<Loop, 'to'>): Loop {
    const whole: Loop = { ...loop, to: undefined }
    this.loops.push(whole)
    return whole
  }

  comes(take: Omit<Take, 'outcome' | 'asked'>): Take {
    const whole: Take = { ...take, asked: undefined, outcome: undefined }
    this.takes.push(whole)
    return whole
  }

  /** A transaction begins; its name is its own. */
  brings(transfer: Omit<Transfer, 'outcome' | 'name'>): Transfer {
    const whole: Transfer = { ...transfer, name: `tx${this.transfers.length + 1}`, outcome: undefined }
    this.transfers.push(whole)
    return whole
  }

  /** The messages that have come out of the story, by what they were sent as. */
  cameOut(): readonly string[] {
    const out = this.takes.filter(({ loop }) => loop.queue === this.last)
    return out.map(({ text }) => text.split('#')[0] as string)
  }

  cut(at: number): void {
    this.cuts.push({ from: at, to: Number.POSITIVE_INFINITY })
  }

  heal(at: number): void {
    for (const cut of this.cuts) if (cut.to > at) cut.to = at
  }

  /** All tabs see each other for the first time. Until then those who met first were a room, and the others another. */
  meets(at: number): void {
    if (at > FORMED_MS) this.cuts.unshift({ from: 0, to: at })
  }

  dies(tab: number, at: number): void {
    this.absences.push({ tab, how: 'dead', from: at, to: Number.POSITIVE_INFINITY })
  }

  returns(tab: number, at: number): void {
    for (const absence of this.absences) if (absence.tab === tab && absence.to > at) absence.to = at
  }

  sleeps(tab: number, at: number, forMs: number): void {
    this.absences.push({ tab, how: 'asleep', from: at, to: at + forMs })
  }
}
