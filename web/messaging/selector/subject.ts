/** What a selector looks at: a message's head, never its body. */
export interface SelectorSubject {
  readonly headers: Readonly<Record<string, string | number | boolean>>
  readonly priority: number
  /** Milliseconds since the epoch; 0 for never. */
  readonly expiresAt: number
  readonly isDurable: boolean
  readonly sentAt: number
  readonly size: number
  readonly from: string
  readonly address: string
  readonly group: string | undefined
}

/** `undefined` is SQL's NULL: not there, not known. */
export type SelectorValue = string | number | boolean | undefined
export type Evaluate = (subject: SelectorSubject) => SelectorValue

const durability = ({ isDurable }: SelectorSubject) => (isDurable ? 'DURABLE' : 'NON_DURABLE')

/** Artemis' names for the head, and those that JMS has for the same; a header cannot take their place. */
const BUILT_IN: ReadonlyMap<string, Evaluate> = new Map<string, Evaluate>([
  ['AMQPriority', ({ priority }) => priority],
  ['JMSPriority', ({ priority }) => priority],
  ['AMQExpiration', ({ expiresAt }) => expiresAt],
  ['JMSExpiration', ({ expiresAt }) => expiresAt],
  ['AMQDurable', durability],
  ['AMQTimestamp', ({ sentAt }) => sentAt],
  ['JMSTimestamp', ({ sentAt }) => sentAt],
  ['AMQSize', ({ size }) => size],
  ['AMQUserID', ({ from }) => from],
  ['JMSXUserID', ({ from }) => from],
  ['AMQAddress', ({ address }) => address],
  ['JMSDestination', ({ address }) => address],
  ['AMQGroupID', ({ group }) => group],
  ['JMSXGroupID', ({ group }) => group],
])

/** Only a message's own headers: `constructor` and the like are missing as any other. */
export function readerOf(name: string): Evaluate {
  const builtIn = BUILT_IN.get(name)
  if (builtIn) return builtIn
  return ({ headers }) => (Object.hasOwn(headers, name) ? headers[name] : undefined)
}
