import { TabmeshError } from '../base/index.ts'
import { MessagingError } from './errors.ts'

/** What a store's error means to the one who sends. */
export function storeFailure(cause: unknown): MessagingError {
  if (cause instanceof TabmeshError && cause.code === 'quota') {
    const message =
      'This device has no room left for the message. Free some space or remove a data set, then send it again.'
    return new MessagingError('quota', message, { cause })
  }
  const message = 'This device could not store the message. Reload the page, then send it again.'
  return new MessagingError('store', message, { cause })
}
