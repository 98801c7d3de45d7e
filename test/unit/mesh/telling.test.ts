import { describe, expect, test } from 'vitest'
import { Listeners, type PeerId, type SessionId } from '../../../web/base/index.ts'
import {
  keepTelling,
  type Member,
  type OtherSession,
  OtherSessions,
  type Room,
} from '../../../web/mesh/index.ts'
import { VirtualClock } from '../../support/sim/clock.ts'

const SECOND = 1_000

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A room of `self` and whoever is named: `peer/session`. */
function roomOf() {
  let present: readonly string[] = []
  const member = (name: string) => {
    const [peerId, sessionId] = name.split('/')
    return { peerId: peerId as PeerId, sessionId: sessionId as SessionId } as Member
  }
  const room = { self: member('self/0'), members: () => ['self/0', ...present].map(member) }
  return {
    room: room as unknown as Room,
    enter: (...names: readonly string[]) => {
      present = names
    },
  }
}

describe('OtherSessions', () => {
  function follow() {
    const { room, enter } = roomOf()
    const started: string[] = []
    const ended: string[] = []
    const sessions = new OtherSessions<OtherSession>(
      room,
      (session) => session,
      ({ peerId, sessionId, signal }) => {
        const name = `${peerId}/${sessionId}`
        started.push(name)
        signal.addEventListener('abort', () => ended.push(name))
      },
    )
    return {
      sessions,
      started,
      ended,
      follow: (...names: readonly string[]) => {
        enter(...names)
        sessions.follow()
      },
    }
  }

  test('MEM14 each session of another is begun once, and ended when it is no member', () => {
    const { sessions, started, ended, follow: to } = follow()
    to('a/1', 'b/1')
    to('a/1', 'b/1', 'c/1')
    expect(started).toEqual(['a/1', 'b/1', 'c/1'])
    to('a/1', 'c/1')
    expect(ended).toEqual(['b/1'])
    expect([sessions.size, sessions.has('a' as PeerId), sessions.has('b' as PeerId)]).toEqual([
      2,
      true,
      false,
    ])
  })

  test('MEM14 a new session of the same peer is another one', () => {
    const { sessions, started, ended, follow: to } = follow()
    to('a/1')
    to('a/2')
    expect(ended).toEqual(['a/1'])
    expect(started).toEqual(['a/1', 'a/2'])
    expect([...sessions].map(({ sessionId }) => sessionId)).toEqual(['2'])
  })

  test('MEM14 closing ends all', () => {
    const { sessions, ended, follow: to } = follow()
    to('a/1', 'b/1')
    sessions.close()
    expect(ended).toEqual(['a/1', 'b/1'])
    expect(sessions.size).toBe(0)
  })
})

describe('keepTelling', () => {
  /** One that is told numbers up to `newest`; `fails`: how often in a row it does not hear. */
  function telling(fails = 0) {
    const clock = new VirtualClock()
    const news = new Listeners<[]>()
    const controller = new AbortController()
    const sent: number[] = []
    let newest = 0
    let heard = 0
    const ended = keepTelling({
      clock,
      signal: controller.signal,
      news,
      tell: () => {
        if (heard === newest) return undefined
        const version = newest
        sent.push(version)
        return {
          answer: fails-- > 0 ? Promise.reject(new Error('not heard')) : Promise.resolve(),
          heard: () => {
            heard = version
          },
          failed: () => {},
        }
      },
    })
    return {
      clock,
      controller,
      sent,
      ended,
      say: () => {
        newest++
        news.emit()
      },
    }
  }

  test('MEM15 what changes is told, several changes of one turn together', async () => {
    const { sent, say, controller, ended } = telling()
    say()
    say()
    await settled()
    expect(sent).toEqual([2])
    say()
    await settled()
    expect(sent).toEqual([2, 3])
    controller.abort()
    await ended
  })

  test('MEM15 what was not heard is told again after a second, as it is then', async () => {
    const { clock, sent, say, controller, ended } = telling(1)
    say()
    await settled()
    say()
    await settled()
    expect(sent).toEqual([1])
    await clock.step(clock.now() + SECOND)
    await settled()
    expect(sent).toEqual([1, 2])
    controller.abort()
    await ended
  })

  test('MEM15 it ends with the session, waiting for news or for the next try', async () => {
    const waiting = telling()
    waiting.controller.abort()
    await waiting.ended
    const retrying = telling(1)
    retrying.say()
    await settled()
    retrying.controller.abort()
    await retrying.ended
    expect(retrying.sent).toEqual([1])
  })
})
