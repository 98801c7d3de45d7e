import type { AddressSettings } from './address-settings.ts'

export interface DivertOptions {
  /** A pattern of addresses: queues and topics. */
  readonly from: string
  /** A queue. */
  readonly to: string
  /** Instead of its own address; then diverts that are not exclusive do not get it either. Default false. */
  readonly exclusive?: boolean
  /** Only what it matches. */
  readonly selector?: string
}

/**
 * What the room has agreed on for its queues and topics. Every member has all of it; a change resolves when every member that
 * is here knows, and the later change wins.
 */
export interface Destinations {
  /**
   * Settings for the addresses that fit; of several patterns the more specific decides, setting by setting, and what a user of a
   * queue asked for stays. Rejects with `bad-name` or `bad-option`.
   */
  configure(pattern: string, settings: AddressSettings): Promise<void>
  /** As they were configured, by pattern. */
  settings(): readonly { readonly pattern: string; readonly settings: AddressSettings }[]
  forget(pattern: string): Promise<void>
  divert(name: string, options: DivertOptions): Promise<void>
  undivert(name: string): Promise<void>
  diverts(): readonly ({ readonly name: string } & Required<DivertOptions>)[]
  /** The durable subscriptions, by name. */
  subscriptions(): readonly { readonly name: string; readonly pattern: string; readonly selector: string }[]
  /** Names of the queues that somebody here keeps, dead letters and durable subscriptions too. */
  queues(): readonly string[]
  /** Hears when a queue comes, goes or changes its owner. */
  subscribe(listener: () => void): () => void
}
