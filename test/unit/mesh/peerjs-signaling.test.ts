import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createSeededRandom, type PeerId } from '../../../web/base/index.ts'
import { PeerJsSignaling } from '../../../web/mesh/peerjs/peerjs-signaling.ts'
import { FakePeer } from '../../support/fake-peerjs.ts'
import { VirtualClock } from '../../support/sim/clock.ts'

vi.mock('peerjs', () => import('../../support/fake-peerjs.ts'))
beforeEach(() => {
  FakePeer.attempts = []
})

/** The clock of a page that hardly runs. */
class LateClock extends VirtualClock {
  lateMs = 0

  override after(ms: number, run: () => void): () => void {
    return super.after(ms + this.lateMs, run)
  }
}

function started(diagnosis?: string) {
  const clock = new LateClock()
  const news: string[] = []
  const signaling: PeerJsSignaling = new PeerJsSignaling(
    {
      peerId: 'a'.repeat(32) as PeerId,
      token: 'token',
      key: 'room',
      signalingUrl: 'http://127.0.0.1:9000/',
      iceServers: [],
      clock,
      random: createSeededRandom(1),
    },
    {
      onState: (state) => news.push(`${state} ${signaling.problem ?? ''}`.trim()),
      onMessage: () => 'pass',
      onConnection: () => {},
      diagnose: async () => diagnosis,
    },
  )
  void signaling.start()
  const pass = async (ms: number) => {
    const end = clock.now() + ms
    while (await clock.step(end)) if (clock.now() >= end) break
  }
  return { clock, signaling, news, pass, latest: () => FakePeer.attempts.at(-1) as FakePeer }
}

describe('signaling over PeerJS', () => {
  test('TRN14: an id that is taken is said in words, and tried again until it is free', async () => {
    const { signaling, news, pass, latest } = started()
    latest().say('ID-TAKEN')
    expect(signaling.problem).toContain('another tab')
    await pass(1000)
    expect(FakePeer.attempts.length).toBe(2)
    latest().say('OPEN')
    expect(signaling.problem).toBeUndefined()
    expect(news).toEqual([expect.stringMatching(/^retrying The id .* taken/), 'connected'])
  })

  test("TRN14: the server's own reason is passed on; a connection that just ends has none", async () => {
    const { signaling, pass, latest } = started()
    latest().say('ERROR', 'too many peers in this room')
    expect(signaling.problem).toContain('too many peers in this room')
    await pass(1000)
    latest().disconnect()
    expect(signaling.problem).toBeUndefined()
    expect(signaling.state).toBe('retrying')
  })

  test('TRN15: a connection that ends soon after it opened counts as a failure', async () => {
    const { clock, pass, latest } = started()
    const waitAfterLoss = async () => {
      const [at, attempts] = [clock.now(), FakePeer.attempts.length]
      latest().disconnect()
      while (FakePeer.attempts.length === attempts) await clock.step(at + 100_000)
      return clock.now() - at
    }
    const waits: number[] = []
    for (let n = 0; n < 8; n++) {
      latest().say('OPEN')
      waits.push(await waitAfterLoss())
    }
    expect(waits[0]).toBeLessThan(1000)
    expect(waits[7]).toBeGreaterThan(10_000)
    latest().say('OPEN')
    await pass(10_000)
    expect(await waitAfterLoss()).toBeLessThan(1000)
  })

  test('TRN16: hurry connects anew at once, once for the same news, whatever the wait was', async () => {
    const { signaling, news, pass, latest } = started()
    latest().say('OPEN')
    await pass(20_000)
    for (let n = 0; n < 3; n++) signaling.hurry('network')
    expect(FakePeer.attempts.length).toBe(2)
    latest().say('OPEN')
    expect(news).toEqual(['connected', 'retrying', 'connected'])
    for (let n = 0; n < 8; n++) {
      latest().disconnect()
      await pass(50_000)
    }
    latest().disconnect()
    await pass(2000)
    const before = FakePeer.attempts.length
    signaling.hurry('network')
    expect(FakePeer.attempts.length).toBe(before + 1)
    signaling.close()
    signaling.hurry('network')
    await pass(100_000)
    expect(FakePeer.attempts.length).toBe(before + 1)
  })

  test('TRN17: a server that has fallen silent is left for a new connection within 15 s', async () => {
    const { signaling, news, pass, latest } = started()
    latest().say('OPEN')
    await pass(100_000 - 1)
    expect(FakePeer.attempts.length).toBe(1)
    expect(latest().asked.length).toBeGreaterThanOrEqual(9)
    latest().isSilent = true
    await pass(15_000)
    expect(FakePeer.attempts.length).toBe(2)
    expect(news).toEqual(['connected', 'retrying'])
    signaling.close()
  })

  test('TRN17: a server that never answers is believed, and asked once for each connection', async () => {
    const { signaling, pass, latest } = started()
    latest().isSilent = true
    latest().say('OPEN')
    await pass(600_000)
    expect(FakePeer.attempts.length).toBe(1)
    expect(latest().asked.length).toBe(1)
    signaling.close()
  })

  test('TRN17: a page that did not run asks anew before it believes in silence', async () => {
    const { clock, signaling, pass, latest } = started()
    clock.lateMs = 60_000
    latest().say('OPEN')
    latest().isSilent = true
    await pass(70_000 + 2 * 65_000)
    expect([latest().asked.length, FakePeer.attempts.length]).toEqual([4, 1])
    await pass(65_000)
    expect(FakePeer.attempts.length).toBe(2)
    signaling.close()
  })

  test('TRN17: shown again, an open connection is asked at once, and one that waits is tried at once', async () => {
    const { signaling, pass, latest } = started()
    latest().say('OPEN')
    await pass(5_000)
    latest().isSilent = true
    signaling.hurry('shown')
    signaling.hurry('shown')
    expect(latest().asked.length).toBe(2)
    expect(FakePeer.attempts.length).toBe(1)
    await pass(5_000)
    expect(FakePeer.attempts.length).toBe(2)
    for (let n = 0; n < 8; n++) {
      latest().disconnect()
      await pass(50_000)
    }
    latest().disconnect()
    await pass(1_000)
    const before = FakePeer.attempts.length
    signaling.hurry('shown')
    expect(FakePeer.attempts.length).toBe(before + 1)
    signaling.close()
  })

  test('TRN18: a list that misses us makes a new connection, once until a list names us again', async () => {
    const { signaling, pass, latest } = started()
    signaling.onList(signaling.connection, false)
    expect(FakePeer.attempts.length).toBe(1)
    latest().say('OPEN')
    const asked = signaling.connection
    signaling.onList(undefined, false)
    expect(FakePeer.attempts.length).toBe(1)
    signaling.onList(asked, false)
    expect(FakePeer.attempts.length).toBe(2)
    latest().say('OPEN')
    signaling.onList(asked, false)
    signaling.onList(signaling.connection, false)
    await pass(60_000)
    expect(FakePeer.attempts.length).toBe(2)
    signaling.onList(signaling.connection, true)
    signaling.onList(signaling.connection, false)
    expect(FakePeer.attempts.length).toBe(3)
    signaling.close()
  })

  test('TRN19: where no connection opens the reason is found out and told, until one opens', async () => {
    const { signaling, news, pass, latest } = started('a proxy is in between')
    latest().disconnect()
    await pass(1_000)
    expect(signaling.problem).toBeUndefined()
    latest().disconnect()
    await pass(0)
    expect(signaling.problem).toBe('a proxy is in between')
    await pass(3_000)
    latest().disconnect()
    expect([signaling.state, signaling.problem]).toEqual(['unreachable', 'a proxy is in between'])
    await pass(6_000)
    latest().say('OPEN')
    expect(signaling.problem).toBeUndefined()
    expect(news.at(-1)).toBe('connected')
    signaling.close()
  })
})
