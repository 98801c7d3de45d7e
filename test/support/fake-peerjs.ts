import { EventEmitter } from 'node:events'

/** What PeerJS does with its server's words, as far as it matters here. */
export class FakePeer extends EventEmitter {
  static attempts: FakePeer[] = []
  readonly socket = new EventEmitter()
  disconnected = false
  destroyed = false
  #hasOpened = false

  constructor() {
    super()
    FakePeer.attempts.push(this)
    this.on('error', () => {})
    this.socket.on('message', ({ type }: { type: string }) => {
      if (type === 'OPEN') {
        this.#hasOpened = true
        this.emit('open')
      } else if (this.#hasOpened) this.disconnect()
      else this.destroy()
    })
  }

  say(type: string, msg = ''): void {
    this.socket.emit('message', { type, payload: { msg } })
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
