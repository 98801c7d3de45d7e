import type { Socket } from 'node:net'

/**
 * Sockets that are not (yet) a WebSocket: half a request, an idle keep-alive, a slow download. There is place for so many;
 * beyond that the longest idle one is ended, so that a crowd that never finishes its requests cannot keep others out.
 */
export class WaitingSockets {
  readonly #sockets = new Set<Socket>()
  readonly #capacity: number
  readonly #onCrowd: () => void

  constructor(capacity: number, onCrowd: () => void) {
    this.#capacity = capacity
    this.#onCrowd = onCrowd
  }

  get size(): number {
    return this.#sockets.size
  }

  /** A new socket, or one that has just shown life. */
  touch(socket: Socket): void {
    this.#sockets.delete(socket)
    this.#sockets.add(socket)
    if (this.#sockets.size <= this.#capacity) return
    const [oldest] = this.#sockets
    if (oldest === undefined) return
    this.#sockets.delete(oldest)
    oldest.destroy()
    this.#onCrowd()
  }

  /** It has ended or become a WebSocket. */
  delete(socket: Socket): void {
    this.#sockets.delete(socket)
  }
}
