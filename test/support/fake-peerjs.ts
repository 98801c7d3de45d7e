import { EventEmitter } from 'node:events'

/** What PeerJS does with its server's words, as far as it matters here. */
export class FakePeer extends EventEmitter {
  static attempts: FakePeer[] = []
  /** What was sent to the server, on whichever connection. */
  readonly asked: unknown[] = []
  /** Like the stock server it answers a word to oneself with that word. */
  isSilent = false
  readonly socket = Object.assign(new EventEmitter(), {
    send: (message: unknown) => {
      this.asked.push(message)
      if (!this.isSilent) this.answer()
    },
  })
  readonly #id: string
  disconnected = false
  destroyed = false
  #hasOpened = false

  constructor(id: string) {
    super()
    this.#id = id
    FakePeer.attempts.push(this)
    this.on('error', () => {})
    this.socket.on('message', ({ type }: { type: string }) => {
      if (type === 'OPEN') {
        this.#hasOpened = true
        this.emit('open')
      } else if (type === 'EXPIRE') return
      else if (this.#hasOpened) this.disconnect()
      else this.destroy()
    })
  }

  say(type: string, msg = ''): void {
    this.socket.emit('message', { type, payload: { msg } })
  }

  /** What we said to ourselves comes back. */
  answer(): void {
    this.socket.emit('message', { type: 'EXPIRE', src: this.#id, dst: this.#id, payload: null })
  }

  disconnect(): void {
    if (this.disconnected) return
    this.disconnected = true
    this.emit('disconnected')
  }

  reconnect(): void {
    this.disconnected = false
    FakePeer.attempts.push(this)
  }

  destroy(): void {
    this.disconnect()
    this.destroyed = true
  }
}

export { FakePeer as Peer }
