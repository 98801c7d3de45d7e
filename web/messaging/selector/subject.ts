/** What a selector looks at: a message's head, never its body. */
export interface SelectorSubject {
  /** As `message.id`; not known while its sender decides where it goes: diverts and durable subscriptions. */
  readonly id: string | undefined
  readonly correlationId: string | undefined
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

/** A field of a message's head: what it holds, and whether it may be missing. */
export interface Field {
  readonly type: 'number' | 'text'
  readonly isOptional: boolean
  readonly read: Evaluate
}

/** Artemis' names for the head, and those that JMS has for the same; a header cannot take their place. */
const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['AMQPriority', number(({ priority }) => priority)],
  ['JMSPriority', number(({ priority }) => priority)],
  ['AMQExpiration', number(({ expiresAt }) => expiresAt)],
  ['JMSExpiration', number(({ expiresAt }) => expiresAt)],
  ['AMQDurable', text(({ isDurable }) => (isDurable ? 'DURABLE' : 'NON_DURABLE'))],
  ['JMSDeliveryMode', text(({ isDurable }) => (isDurable ? 'PERSISTENT' : 'NON_PERSISTENT'))],
  ['AMQTimestamp', number(({ sentAt }) => sentAt)],
  ['JMSTimestamp', number(({ sentAt }) => sentAt)],
  ['AMQSize', number(({ size }) => size)],
  ['AMQUserID', text(({ from }) => from)],
  ['JMSXUserID', text(({ from }) => from)],
  ['AMQAddress', text(({ address }) => address)],
  ['JMSDestination', text(({ address }) => address)],
  ['JMSMessageID', optional(({ id }) => id)],
  ['AMQGroupID', optional(({ group }) => group)],
  ['JMSXGroupID', optional(({ group }) => group)],
  ['JMSCorrelationID', optional(({ correlationId }) => correlationId)],
])

export function fieldOf(name: string): Field | undefined {
  return FIELDS.get(name)
}

/** Only a message's own headers: `constructor` and the like are missing as any other. */
export function headerOf(name: string): Evaluate {
  return ({ headers }) => (Object.hasOwn(headers, name) ? headers[name] : undefined)
}

function number(read: Evaluate): Field {
  return { type: 'number', isOptional: false, read }
}

function text(read: Evaluate): Field {
  return { type: 'text', isOptional: false, read }
}

function optional(read: Evaluate): Field {
  return { type: 'text', isOptional: true, read }
}
