import type { PeerId } from '../../web/base/index.ts'
import type { Connection, ConnectionHandlers, Lane, SignalingState, Transport } from '../../web/mesh/index.ts'

/**
 * What every adapter of the transport port must do. Runs in Node and in a page: it brings its own assertions and waits by
 * the world that it is given, so nothing here knows of timers or of a test runner.
 */
export interface TransportWorld {
  /** A transport of its own id in this world's room, not started. */
  transport(): Promise<Transport>
  /** An id that nobody has. */
  readonly absentId: PeerId
  /** Resolves to the promise's value; lets the world's time pass meanwhile. Throws when that takes too long. */
  settle<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass until the condition holds; throws with `what` when it does not in good time. */
  until(condition: () => boolean, what: string): Promise<void>
  end(): Promise<void>
}

export interface TransportRule {
  readonly title: string
  readonly run: (world: TransportWorld) => Promise<void>
}

/** Everything that happened to one side. */
class Ear implements ConnectionHandlers {
  readonly messages: { readonly lane: Lane; readonly message: Uint8Array }[] = []
  readonly closes: string[] = []
  readonly drains: Lane[] = []

  onMessage(lane: Lane, message: Uint8Array): void {
    this.messages.push({ lane, message })
  }

  onDrain(lane: Lane): void {
    this.drains.push(lane)
  }

  onClose(reason: string): void {
    this.closes.push(reason)
  }

  numbersOn(lane: Lane): number[] {
    return this.messages
      .filter((heard) => heard.lane === lane)
      .map(({ message }) => new DataView(message.buffer, message.byteOffset).getUint32(0))
  }
}

interface Started {
  readonly transport: Transport
  readonly connections: Connection[]
  readonly states: SignalingState[]
}

async function started(world: TransportWorld): Promise<Started> {
  const transport = await world.transport()
  const node: Started = { transport, connections: [], states: [] }
  const events = {
    onConnection: (connection: Connection) => void node.connections.push(connection),
    onSignaling: (state: SignalingState) => void node.states.push(state),
  }
  await world.settle(transport.start(events))
  return node
}

async function connected(
  world: TransportWorld,
): Promise<{ a: Started; b: Started; left: Connection; right: Connection }> {
  const [a, b] = [await started(world), await started(world)]
  const left = await world.settle(a.transport.dial(b.transport.peerId, new AbortController().signal))
  await world.until(() => b.connections.length === 1, 'the other side has the connection')
  return { a, b, left, right: b.connections[0] as Connection }
}

function numbered(n: number, bytes = 4): Uint8Array {
  const message = new Uint8Array(bytes)
  new DataView(message.buffer).setUint32(0, n)
  return message
}

function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`the transport breaks its contract: ${what}`)
}

async function codeOf(world: TransportWorld, promise: Promise<unknown>): Promise<unknown> {
  try {
    await world.settle(promise)
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
  return 'no error'
}

export const TRANSPORT_RULES: readonly TransportRule[] = [
  {
    title: 'TRN1: start resolves connected, and each finds the other but not itself',
    async run(world) {
      const [a, b] = [await started(world), await started(world)]
      assert(a.transport.signaling === 'connected', 'signaling is connected')
      const found = await world.settle(a.transport.discover(new AbortController().signal))
      assert(found.includes(b.transport.peerId), 'it finds the other')
      assert(!found.includes(a.transport.peerId), 'it does not find itself')
    },
  },
  {
    title: 'TRN2: a dial opens one connection on both sides, with the ids that signaling names',
    async run(world) {
      const { a, b, left, right } = await connected(world)
      assert(left.isDialer && !right.isDialer, 'each knows who dialled')
      assert(left.claimedPeerId === b.transport.peerId, 'the dialer knows whom it dialled')
      assert(right.claimedPeerId === a.transport.peerId, 'the other knows who dialled')
    },
  },
  {
    title: 'TRN3: both sides see the same two certificates, crossed; each connection has its own',
    async run(world) {
      const { a, b, left, right } = await connected(world)
      const text = (bytes: Uint8Array) => bytes.join()
      assert(
        left.localCertificate.byteLength === 32 && left.remoteCertificate.byteLength === 32,
        'they are SHA-256',
      )
      assert(text(left.localCertificate) === text(right.remoteCertificate), 'mine is what the other sees')
      assert(text(left.remoteCertificate) === text(right.localCertificate), 'what I see is the other one')
      assert(text(left.localCertificate) !== text(left.remoteCertificate), 'they differ')
      const second = await world.settle(b.transport.dial(a.transport.peerId, new AbortController().signal))
      assert(
        text(second.localCertificate) !== text(right.localCertificate),
        'another connection, another certificate',
      )
    },
  },
  {
    title: 'TRN4: each lane keeps the order, both ways',
    async run(world) {
      const { left, right } = await connected(world)
      const [leftEar, rightEar] = [new Ear(), new Ear()]
      left.attach(leftEar)
      right.attach(rightEar)
      for (let n = 0; n < 200; n++) {
        for (const lane of ['control', 'bulk'] as const) {
          left.send(lane, numbered(n, 4 + (n % 5) * 1000))
          right.send(lane, numbered(n, 4 + (n % 3) * 1000))
        }
      }
      await world.until(
        () => leftEar.messages.length === 400 && rightEar.messages.length === 400,
        'all messages',
      )
      for (const ear of [leftEar, rightEar]) {
        for (const lane of ['control', 'bulk'] as const) {
          assert(
            ear.numbersOn(lane).every((n, i) => n === i),
            `${lane} is in order`,
          )
        }
      }
    },
  },
  {
    title: 'TRN5: a message of the largest size arrives whole, and the sender may reuse its bytes',
    async run(world) {
      const { left, right } = await connected(world)
      const ear = new Ear()
      right.attach(ear)
      const bytes = new Uint8Array(left.maxMessageBytes).fill(7)
      assert(left.send('bulk', bytes), 'it is taken')
      bytes.fill(0)
      await world.until(() => ear.messages.length === 1, 'the message')
      const message = ear.messages[0]?.message as Uint8Array
      assert(
        message.byteLength === left.maxMessageBytes && message.every((byte) => byte === 7),
        'it is whole',
      )
    },
  },
  {
    title: 'TRN6: what arrives before attach waits in order; attaching again replaces the handlers',
    async run(world) {
      const { left, right } = await connected(world)
      const leftEar = new Ear()
      left.attach(leftEar)
      for (let n = 0; n < 5; n++) left.send('control', numbered(n))
      right.send('control', numbered(9))
      await world.until(() => leftEar.messages.length === 1 && left.bufferedBytes('control') === 0, 'sent')
      const [first, second] = [new Ear(), new Ear()]
      right.attach(first)
      await world.until(() => first.messages.length === 5, 'what waited')
      assert(first.numbersOn('control').join() === '0,1,2,3,4', 'in order')
      right.attach(second)
      left.send('control', numbered(5))
      await world.until(() => second.messages.length === 1, 'the next')
      assert(first.messages.length === 5, 'the old handlers hear nothing more')
    },
  },
  {
    title: 'TRN7: more than 1 MiB before attach closes the connection',
    async run(world) {
      const { left } = await connected(world)
      const ear = new Ear()
      left.attach(ear)
      for (let n = 0; n < 40; n++) left.send('bulk', new Uint8Array(64 * 1024))
      await world.until(() => ear.closes.length === 1, 'the close')
      assert(!left.send('control', numbered(1)), 'nothing can be sent any more')
    },
  },
  {
    title: 'TRN8: buffered bytes fall to nothing, and falling past the threshold is told',
    async run(world) {
      const { left, right } = await connected(world)
      const [leftEar, rightEar] = [new Ear(), new Ear()]
      left.attach(leftEar)
      right.attach(rightEar)
      left.setDrainThreshold('bulk', 64 * 1024)
      for (let n = 0; n < 32; n++) left.send('bulk', new Uint8Array(64 * 1024))
      assert(left.bufferedBytes('bulk') > 64 * 1024, 'it is buffered')
      await world.until(
        () => leftEar.drains.includes('bulk') && left.bufferedBytes('bulk') === 0,
        'the drain',
      )
      await world.until(() => rightEar.messages.length === 32, 'all arrives')
    },
  },
  {
    title: 'TRN9: the other side of a close sees it once; the closer hears nothing more and can send nothing',
    async run(world) {
      const { left, right } = await connected(world)
      const [leftEar, rightEar] = [new Ear(), new Ear()]
      left.attach(leftEar)
      right.attach(rightEar)
      left.close('done')
      left.close('again')
      assert(!left.send('control', numbered(1)), 'send says no')
      right.send('control', numbered(2))
      await world.until(() => rightEar.closes.length === 1, 'the close')
      assert(!right.send('control', numbered(3)), 'the other side cannot send either')
      assert(leftEar.messages.length === 0, 'the closer hears nothing more')
      assert(rightEar.closes.length === 1, 'it is told once')
    },
  },
  {
    title: 'TRN10: a dial to an absent id fails with peer-absent, an aborted one with its reason',
    async run(world) {
      const a = await started(world)
      const never = new AbortController().signal
      assert((await codeOf(world, a.transport.dial(world.absentId, never))) === 'peer-absent', 'peer-absent')
      const reason = new Error('no longer')
      assert(
        (await codeOf(world, a.transport.dial(world.absentId, AbortSignal.abort(reason)))) === reason,
        'the reason',
      )
      assert(
        (await codeOf(world, a.transport.discover(AbortSignal.abort(reason)))) === reason,
        'the reason of a search',
      )
    },
  },
  {
    title: 'TRN11: closing the transport closes its connections and takes it off the list',
    async run(world) {
      const { a, b, right } = await connected(world)
      const ear = new Ear()
      right.attach(ear)
      await world.settle(a.transport.close())
      await world.settle(a.transport.close())
      await world.until(() => ear.closes.length === 1, 'the close')
      const never = new AbortController().signal
      assert(
        (await codeOf(world, a.transport.dial(b.transport.peerId, never))) === 'closed',
        'it dials no more',
      )
      // The server hears of it by another way than the other side.
      const isListed = async () =>
        (await world.settle(b.transport.discover(never))).includes(a.transport.peerId)
      let tries = 0
      while ((await isListed()) && tries < 100) tries++
      assert(tries < 100, 'it is not listed')
    },
  },
]
