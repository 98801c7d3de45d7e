import { afterEach, describe, expect, test } from 'vitest'
import { type Subject, startOurs, startTheirs } from './actors.ts'
import { SESSIONS, type Session, type Transcript } from './wire-sessions.ts'

const EXPIRE_MS = 300
/** A stock server that refuses a session's connection closes it; ours, where it is meant to open, is closed by this test. */
const OURS_ENDS = 'another key is a room of its own'

const subjects: Subject[] = []
afterEach(async () => {
  for (const subject of subjects.splice(0)) await subject.stop()
})

async function playOurs(session: Session): Promise<Transcript> {
  const ours = await startOurs({ limits: { pendingMs: EXPIRE_MS } })
  subjects.push(ours)
  const transcript = session.play(ours.port)
  if (session.name === OURS_ENDS) {
    await expect
      .poll(async () => (await fetch(`http://127.0.0.1:${ours.port}/room1/peers`)).json())
      .toEqual(['alice'])
    await ours.stop()
  }
  return transcript
}

async function playTheirs(session: Session): Promise<Transcript> {
  const theirs = await startTheirs(EXPIRE_MS)
  subjects.push(theirs)
  return session.play(theirs.port)
}

describe('the same session on ours and on peer@1.0.2', () => {
  for (const session of SESSIONS.filter((one) => one.differs === undefined)) {
    test(`SIG5 gives the same transcript: ${session.name}`, async () => {
      expect(await playOurs(session)).toEqual(await playTheirs(session))
    })
  }

  for (const session of SESSIONS) {
    const { differs } = session
    if (differs === undefined) continue
    test(`${differs.rule} differs by intent: ${session.name}`, async () => {
      const ours = await playOurs(session)
      expect(ours, differs.reason).toEqual(differs.ours)
      expect(await playTheirs(session), 'stock has changed: is this still a difference?').not.toEqual(ours)
    })
  }

  test('SIG5 at least thirty sessions are alike', () => {
    expect(SESSIONS.filter((session) => session.differs === undefined).length).toBeGreaterThanOrEqual(30)
  })
})
