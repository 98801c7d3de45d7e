import { connect, type Socket } from 'node:net'

/** A WebSocket client without a library, so that the load costs less than the server. Text frames below 64 KiB only. */
export class LoadPeer {
  readonly id: string
  readonly #socket: Socket
  #pending: Buffer = Buffer.alloc(0)
  #isUpgraded = false
  #problem = 'by the server'
  #frames = 0
  #wanted = 0
  #onWanted: (() => void) | undefined

  private constructor(id: string, socket: Socket) {
    this.id = id
    this.#socket = socket
    socket.on('data', (bytes) => this.#receive(bytes))
    socket.on('error', (error) => {
      this.#problem = error.message
    })
  }

  /** Resolves when the server has sent OPEN. */
  static async open(port: number, id: string): Promise<LoadPeer> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const peer = new LoadPeer(id, socket)
    const opened = peer.received(1)
    socket.write(
      `GET /peerjs?key=bench&id=${id}&token=token${id}&version=1.5.5 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await opened
    return peer
  }

  send(frame: Buffer): void {
    this.#socket.write(frame)
  }

  /** Resolves when `count` more frames have come. */
  received(count: number): Promise<void> {
    this.#wanted = this.#frames + count
    return new Promise((resolve, reject) => {
      this.#onWanted = resolve
      this.#socket.once('close', () => reject(new Error(`${this.id} was closed: ${this.#problem}`)))
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once('close', () => resolve())
      this.#socket.destroy()
    })
  }

  #receive(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes])
    if (!this.#isUpgraded) {
      const end = this.#pending.indexOf('\r\n\r\n')
      if (end === -1) return
      this.#isUpgraded = true
      this.#pending = this.#pending.subarray(end + 4)
    }
    for (
      let size = frameSize(this.#pending);
      size > 0 && size <= this.#pending.length;
      size = frameSize(this.#pending)
    ) {
      this.#pending = this.#pending.subarray(size)
      this.#frames++
    }
    if (this.#onWanted === undefined || this.#frames < this.#wanted) return
    const done = this.#onWanted
    this.#onWanted = undefined
    this.#socket.removeAllListeners('close')
    done()
  }
}

/** A client's text frame; the mask is 0, which RFC 6455 does not forbid. */
export function clientFrame(text: string): Buffer {
  const body = Buffer.from(text)
  const head = Buffer.alloc(8)
  head.writeUInt8(0x81, 0)
  head.writeUInt8(0xfe, 1)
  head.writeUInt16BE(body.length, 2)
  return Buffer.concat([head, body])
}

/** 0 where the head is not there yet. Server frames are not masked. */
function frameSize(bytes: Buffer): number {
  const length = bytes.length < 2 ? -1 : bytes.readUInt8(1) & 0x7f
  if (length < 0 || (length === 126 && bytes.length < 4)) return 0
  return length === 126 ? 4 + bytes.readUInt16BE(2) : 2 + length
}
