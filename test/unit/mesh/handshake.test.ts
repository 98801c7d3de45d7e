import { describe, expect, test } from 'vitest'
import type { SessionId } from '../../../web/base/index.ts'
import {
  type HandshakeOptions,
  type HandshakeResult,
  shakeHands,
} from '../../../web/mesh/handshake/handshake.ts'
import {
  decodeHandshake,
  encodeHello,
  encodeProof,
  encodeRefuse,
  PROTOCOL_VERSION,
} from '../../../web/mesh/handshake/handshake-wire.ts'
import { isWeakKey } from '../../../web/mesh/handshake/weak-key.ts'
import {
  type Connection,
  deriveRoom,
  HandshakeError,
  type Lane,
  type ProvenPeer,
} from '../../../web/mesh/index.ts'
import { createSimulation, SIM_ROOM_SECRET, type SimTab, type Simulation } from '../../support/sim/index.ts'

type Outcome =
  | { readonly peer: ProvenPeer }
  | { readonly code: string; readonly isPeerProven: boolean; readonly message: string }

/** Two tabs with an open connection between them. */
async function connected(
  sim: Simulation,
  alice = sim.tab(0),
  bob = sim.tab(1),
): Promise<[Connection, Connection]> {
  const { roomId } = await deriveRoom(sim.crypto, SIM_ROOM_SECRET)
  const [left, right] = [alice.transport(roomId), bob.transport(roomId)]
  let accepted: Connection | undefined
  const events = {
    onConnection: (connection: Connection) => {
      accepted = connection
    },
    onSignaling() {},
  }
  await sim.settle(Promise.all([left.start({ ...events, onConnection() {} }), right.start(events)]))
  const dialled = await sim.settle(left.dial(bob.peerId, new AbortController().signal))
  await sim.runUntil(() => accepted !== undefined, 100)
  return [dialled, accepted as Connection]
}

async function optionsOf(sim: Simulation, tab: SimTab, connection: Connection): Promise<HandshakeOptions> {
  const { crypto, identity, peerId, deviceId, clock, random } = tab
  const sessionId = `session${tab.index}0000` as SessionId
  const room = await deriveRoom(sim.crypto, SIM_ROOM_SECRET)
  return { connection, crypto, clock, random, identity, peerId, room, sessionId, deviceId, admit: () => true }
}

async function outcomeOf(handshake: Promise<HandshakeResult>): Promise<Outcome> {
  try {
    return { peer: (await handshake).peer }
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error
    return { code: error.code, isPeerProven: error.isPeerProven, message: error.message }
  }
}

type Change = Partial<HandshakeOptions>

/** Both sides shake hands, each with its change; gives both outcomes. */
async function shake(changes: { alice?: Change; bob?: Change }, seed = 1): Promise<[Outcome, Outcome]> {
  const sim = createSimulation(seed)
  const [left, right] = await connected(sim)
  const alice = { ...(await optionsOf(sim, sim.tab(0), left)), ...changes.alice }
  const bob = { ...(await optionsOf(sim, sim.tab(1), right)), ...changes.bob }
  return sim.settle(Promise.all([outcomeOf(shakeHands(alice)), outcomeOf(shakeHands(bob))]))
}

/** Alice's true side against somebody who answers her messages as `rewrite` says. */
async function shakeWithRewriter(
  rewrite: (message: Uint8Array, lane: Lane) => Uint8Array | undefined,
): Promise<[Outcome, Outcome]> {
  const sim = createSimulation(2)
  const [left, right] = await connected(sim)
  const alice = await optionsOf(sim, sim.tab(0), left)
  const bob = await optionsOf(sim, sim.tab(1), rewriting(right, rewrite))
  return sim.settle(Promise.all([outcomeOf(shakeHands(alice)), outcomeOf(shakeHands(bob))]))
}

/** A connection whose outgoing messages are changed. */
function rewriting(
  connection: Connection,
  rewrite: (message: Uint8Array, lane: Lane) => Uint8Array | undefined,
): Connection {
  return {
    claimedPeerId: connection.claimedPeerId,
    index: connection.index,
    isDialer: connection.isDialer,
    localCertificate: connection.localCertificate,
    remoteCertificate: connection.remoteCertificate,
    maxMessageBytes: connection.maxMessageBytes,
    attach: (handlers) => connection.attach(handlers),
    send(lane, message) {
      const changed = rewrite(message.slice(), lane)
      return changed === undefined || connection.send(lane, changed)
    },
    bufferedBytes: (lane) => connection.bufferedBytes(lane),
    setDrainThreshold: (lane, bytes) => connection.setDrainThreshold(lane, bytes),
    close: (reason) => connection.close(reason),
  }
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice()
  copy[at] = (copy[at] as number) ^ 1
  return copy
}

/** A claim with the role behind its `mac` or `signature` turned round; see `encodeClaim`. */
function withOtherRole(claim: Uint8Array): Uint8Array {
  const at = claim.indexOf(0) - 1
  return claim.map((byte, i) => (i === at ? byte ^ 1 : byte))
}

const HELLO = 1
const PROOF = 2
/** Offsets in a hello; see `encodeHello`. */
const HELLO_FIELDS = {
  type: 0,
  magic: 3,
  version: 9,
  index: 10,
  key: 20,
  nonce: 50,
  local: 80,
  remote: 120,
  session: 145,
  device: 160,
}

describe('handshake', () => {
  test('HSK1: two who know the room secret and own their keys prove it to each other', async () => {
    const [alice, bob] = await shake({})
    const sim = createSimulation(1)
    expect(alice).toEqual({
      peer: { peerId: sim.tab(1).peerId, sessionId: 'session10000', deviceId: 'device100000' },
    })
    expect(bob).toEqual({
      peer: { peerId: sim.tab(0).peerId, sessionId: 'session00000', deviceId: 'device000000' },
    })
  })

  test('HSK2: another room secret is refused by both as wrong-secret', async () => {
    const sim = createSimulation(1)
    const other = await deriveRoom(sim.crypto, new Uint8Array(32).fill(8))
    const own = await deriveRoom(sim.crypto, SIM_ROOM_SECRET)
    const [alice, bob] = await shake({ bob: { room: { ...own, proofKey: other.proofKey } } })
    expect(alice).toMatchObject({ code: 'wrong-secret', isPeerProven: false })
    expect(bob).toMatchObject({ code: 'wrong-secret', isPeerProven: false })
  })

  test('HSK2: the proof of one room is none in another, even with the same key', async () => {
    const sim = createSimulation(1)
    const own = await deriveRoom(sim.crypto, SIM_ROOM_SECRET)
    const other = await deriveRoom(sim.crypto, new Uint8Array(32).fill(8))
    const [alice] = await shake({ bob: { room: { ...own, roomId: other.roomId } } })
    expect(alice).toMatchObject({ code: 'wrong-secret' })
  })

  test('HSK3: a key that is not the one of the claimed id is refused', async () => {
    const sim = createSimulation(1)
    const [alice, bob] = await shake({ bob: { identity: sim.tab(5).identity } })
    expect(alice).toMatchObject({ code: 'identity', isPeerProven: false })
    expect(bob).toMatchObject({ code: 'identity' })
  })

  test('HSK3: a signature by another key is refused', async () => {
    const sim = createSimulation(1)
    const { identity } = sim.tab(1)
    const liar = { publicKey: identity.publicKey, sign: sim.tab(5).identity.sign }
    const [alice] = await shake({ bob: { identity: liar } })
    expect(alice).toMatchObject({ code: 'identity', isPeerProven: false })
  })

  test('HSK3: our own id from somebody else is refused', async () => {
    const sim = createSimulation(1)
    const [left, right] = await connected(sim)
    const mine = await optionsOf(sim, sim.tab(0), {
      ...rewriting(left, (m) => m),
      claimedPeerId: sim.tab(0).peerId,
    })
    const other = await optionsOf(sim, sim.tab(0), right)
    const [alice] = await sim.settle(
      Promise.all([outcomeOf(shakeHands(mine)), outcomeOf(shakeHands({ ...other }))]),
    )
    expect(alice).toMatchObject({ code: 'identity' })
  })

  test('HSK3: keys of small order are refused, real ones are not', () => {
    const sim = createSimulation(1)
    for (const last of [0x00, 0x80]) {
      const zero = new Uint8Array(32)
      zero[31] = last
      expect(isWeakKey(zero)).toBe(true)
    }
    const minusOne = new Uint8Array(32).fill(0xff)
    minusOne[0] = 0xec
    minusOne[31] = 0x7f
    expect(isWeakKey(minusOne)).toBe(true)
    for (let n = 0; n < 20; n++) expect(isWeakKey(sim.tab(n).identity.publicKey)).toBe(false)
  })

  test('HSK4: another certificate on either side is refused', async () => {
    for (const field of ['localCertificate', 'remoteCertificate'] as const) {
      const sim = createSimulation(1)
      const [left, right] = await connected(sim)
      const bob = { ...rewriting(right, (message) => message), [field]: new Uint8Array(32).fill(9) }
      const both = [await optionsOf(sim, sim.tab(0), left), await optionsOf(sim, sim.tab(1), bob)].map((o) =>
        outcomeOf(shakeHands(o)),
      )
      const [alice] = await sim.settle(Promise.all(both))
      expect(alice, field).toMatchObject({ code: 'binding', isPeerProven: false })
    }
  })

  test('HSK4: one in the middle with two DTLS legs is found out, also when he mends the hellos', async () => {
    const sim = createSimulation(3)
    const [aliceEnd, toAlice] = await connected(sim, sim.tab(0), sim.tab(1))
    const [toBob, bobEnd] = await connected(sim, sim.tab(2), sim.tab(3))
    const alice = await optionsOf(sim, sim.tab(0), {
      ...rewriting(aliceEnd, (m) => m),
      claimedPeerId: sim.tab(3).peerId,
    })
    const bob = await optionsOf(sim, sim.tab(3), {
      ...rewriting(bobEnd, (m) => m),
      claimedPeerId: sim.tab(0).peerId,
    })
    relay(toAlice, toBob)
    relay(toBob, toAlice)
    const outcomes = await sim.settle(Promise.all([outcomeOf(shakeHands(alice)), outcomeOf(shakeHands(bob))]))
    expect(outcomes.map((outcome) => 'code' in outcome && outcome.code)).toEqual([
      'wrong-secret',
      'wrong-secret',
    ])
  })

  test('HSK5: every field of the hello is proven: one flipped bit in any of them fails', async () => {
    for (const [field, at] of Object.entries(HELLO_FIELDS)) {
      const [alice, bob] = await shakeWithRewriter((message) =>
        message[0] === HELLO ? flipped(message, at) : message,
      )
      expect('code' in alice, `${field} for alice`).toBe(true)
      expect('code' in bob, `${field} for bob`).toBe(true)
    }
  })

  test('HSK5: one flipped bit anywhere in the MAC or the signature fails', async () => {
    for (const at of [1, 16, 32, 33, 64, 96]) {
      const [alice] = await shakeWithRewriter((message) =>
        message[0] === PROOF ? flipped(message, at) : message,
      )
      expect(alice).toMatchObject({ code: at <= 32 ? 'wrong-secret' : 'identity', isPeerProven: false })
    }
  })

  test('HSK6: a proof sent back to its maker is no proof', async () => {
    const sim = createSimulation(1)
    const [left, right] = await connected(sim)
    const bob = await optionsOf(sim, sim.tab(1), right)
    right.attach({
      onMessage(lane, message) {
        const said = decodeHandshake(message)
        if (said?.type === 'hello') right.send(lane, ownHello(bob))
        else if (said?.type === 'proof') right.send(lane, message)
      },
      onDrain() {},
      onClose() {},
    })
    const alice = await sim.settle(outcomeOf(shakeHands(await optionsOf(sim, sim.tab(0), left))))
    expect(alice).toMatchObject({ code: 'wrong-secret', isPeerProven: false })
  })

  test('HSK6: a proof for the other role is no proof, although key, secret and transcript are right', async () => {
    const swapped = async (isSwapped: boolean) => {
      const sim = createSimulation(6)
      const [left, right] = await connected(sim)
      const bob = await optionsOf(sim, sim.tab(1), right)
      const other = (claim: Uint8Array) => (isSwapped ? withOtherRole(claim) : claim)
      const crypto = {
        ...bob.crypto,
        hmac: (key: Uint8Array, claim: Uint8Array) => bob.crypto.hmac(key, other(claim)),
      }
      const identity = { ...bob.identity, sign: (claim: Uint8Array) => bob.identity.sign(other(claim)) }
      const alice = await optionsOf(sim, sim.tab(0), left)
      const both = [shakeHands(alice), shakeHands({ ...bob, crypto, identity })].map(outcomeOf)
      return (await sim.settle(Promise.all(both)))[0]
    }
    expect(await swapped(false)).toHaveProperty('peer')
    expect(await swapped(true)).toMatchObject({ code: 'wrong-secret', isPeerProven: false })
  })

  test('HSK6: what was recorded of a handshake is no proof in the next one', async () => {
    const recorded: Uint8Array[] = []
    await shakeWithRewriter((message) => {
      recorded.push(message)
      return message
    })
    const sim = createSimulation(2)
    const [left, right] = await connected(sim)
    await sim.run(10)
    for (const message of recorded) right.send('control', message)
    const fresh = { ...(await optionsOf(sim, sim.tab(0), left)), random: sim.tab(7).random }
    expect(await sim.settle(outcomeOf(shakeHands(fresh)))).toMatchObject({
      code: 'wrong-secret',
      isPeerProven: false,
    })
  })

  test('HSK6: another connection index is refused', async () => {
    const [alice, bob] = await shake({ bob: { connectionIndex: 1 } })
    expect(alice).toMatchObject({ code: 'binding' })
    expect(bob).toMatchObject({ code: 'binding' })
    expect(
      (await shake({ alice: { connectionIndex: 1 }, bob: { connectionIndex: 1 } })).every(
        (side) => 'peer' in side,
      ),
    ).toBe(true)
  })

  test('HSK7: another protocol version is told to both, after the proof, and who must reload', async () => {
    const [alice, bob] = await shake({ bob: { version: PROTOCOL_VERSION + 1 } })
    expect(alice).toMatchObject({
      code: 'version',
      isPeerProven: true,
      message: expect.stringContaining('This device'),
    })
    expect(bob).toMatchObject({
      code: 'version',
      isPeerProven: true,
      message: expect.stringContaining('other device'),
    })
  })

  test('HSK7: a full room says so, after the proof', async () => {
    const [alice, bob] = await shake({ alice: { admit: () => false } })
    expect(alice).toMatchObject({ code: 'full', isPeerProven: true })
    expect(bob).toMatchObject({ code: 'full', isPeerProven: true })
  })

  test('HSK7: a stranger that says full or version proves nothing', async () => {
    for (const code of ['full', 'version', 'wrong-secret'] as const) {
      const sim = createSimulation(1)
      const [left, right] = await connected(sim)
      right.send('control', encodeRefuse(code))
      expect(await sim.settle(outcomeOf(shakeHands(await optionsOf(sim, sim.tab(0), left))))).toMatchObject({
        code,
        isPeerProven: false,
      })
    }
  })

  test('HSK8: silence ends after 10 s, rubbish at once', async () => {
    const sim = createSimulation(1)
    const [left] = await connected(sim)
    const start = sim.clock.now()
    expect(await sim.settle(outcomeOf(shakeHands(await optionsOf(sim, sim.tab(0), left))))).toMatchObject({
      code: 'timeout',
    })
    expect(sim.clock.now() - start).toBeCloseTo(10_000, -1)
    for (const rubbish of [
      new Uint8Array(0),
      Uint8Array.of(9),
      new Uint8Array(600).fill(1),
      encodeProof(new Uint8Array(32), new Uint8Array(64)),
    ]) {
      const again = createSimulation(1)
      const [ours, theirs] = await connected(again)
      theirs.send('control', rubbish)
      expect(
        await again.settle(outcomeOf(shakeHands(await optionsOf(again, again.tab(0), ours)))),
      ).toMatchObject({ code: 'malformed' })
    }
  })

  test('HSK8: a handshake that is no longer needed ends at once', async () => {
    const sim = createSimulation(3)
    const [left] = await connected(sim)
    const controller = new AbortController()
    const alice = await optionsOf(sim, sim.tab(0), left)
    const outcome = outcomeOf(shakeHands({ ...alice, signal: controller.signal }))
    await sim.run(100)
    controller.abort()
    expect(await sim.settle(outcome, 10)).toMatchObject({ code: 'closed', isPeerProven: false })
  })

  test('HSK8: what arrives behind the handshake waits, in order, and is dropped when the proof fails', async () => {
    const sim = createSimulation(1)
    const [left, right] = await connected(sim)
    const [alice, bob] = [await optionsOf(sim, sim.tab(0), left), await optionsOf(sim, sim.tab(1), right)]
    const done = Promise.all([
      shakeHands(alice),
      shakeHands(bob).then((result) => {
        for (const n of [1, 2, 3]) result.connection.send('control', Uint8Array.of(100 + n))
        return result
      }),
    ])
    const [{ connection }] = await sim.settle(done)
    await sim.run(50)
    const heard: number[] = []
    connection.attach({
      onMessage: (_, message) => heard.push(message[0] as number),
      onDrain() {},
      onClose() {},
    })
    expect(heard).toEqual([101, 102, 103])
  })

  test('HSK8: a flood before the proof ends it', async () => {
    const sim = createSimulation(1)
    const [left, right] = await connected(sim)
    const alice = outcomeOf(shakeHands(await optionsOf(sim, sim.tab(0), left)))
    for (let n = 0; n < 20; n++) right.send('bulk', new Uint8Array(100_000))
    expect(await sim.settle(alice)).toMatchObject({ code: 'malformed' })
  })

  test('HSK9: a refusal arrives although a close may lose what is in flight', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const [, bob] = await shake({ alice: { admit: () => false } }, seed)
      expect(bob, `seed ${seed}`).toMatchObject({ code: 'full' })
    }
  })
})

function ownHello(options: HandshakeOptions): Uint8Array {
  const { connection, identity, sessionId, deviceId } = options
  const { localCertificate, remoteCertificate } = connection
  const fields = { version: 1, connectionIndex: 0, publicKey: identity.publicKey, nonce: new Uint8Array(32) }
  return encodeHello({ ...fields, localCertificate, remoteCertificate, sessionId, deviceId })
}

/** Passes everything on, with the hello's sight of the certificates changed to the other leg's. */
function relay(from: Connection, to: Connection): void {
  from.attach({
    onMessage(lane, message) {
      const said = decodeHandshake(message)
      const { localCertificate, remoteCertificate } = to
      to.send(
        lane,
        said?.type === 'hello' ? encodeHello({ ...said, localCertificate, remoteCertificate }) : message,
      )
    },
    onDrain() {},
    onClose() {},
  })
}
