import type { ChatMessage } from './conversation.ts'

/** What is typed answers or changes this message. */
export interface Composing {
  readonly kind: 'reply' | 'edit'
  readonly message: ChatMessage
}
