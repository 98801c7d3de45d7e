import { expect, test } from 'vitest'
import { type JoinOptions, joinRoom, OptionError } from '../../web/browser.ts'

const NO_TEXT = [null, 5, {}, new Uint8Array(2), Number.NaN]

async function refused(options: unknown): Promise<string> {
  const error = await joinRoom(options as JoinOptions).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof OptionError ? error.option : String(error)
}

test('NODE12 joinRoom refuses what cannot be, by name, before it touches the browser', async () => {
  const room = 'new'
  for (const options of [undefined, null, 5, [], new Uint8Array(3)])
    expect(await refused(options)).toBe('joinRoom')
  for (const wrong of [undefined, {}, { invite: 5 }, { id: null }, { invite: 'a', id: 'b' }, 'old', null, []])
    expect(await refused({ room: wrong })).toBe('room')
  expect(await refused({ room: { invites: 'a' } })).toBe('invites')
  for (const name of [...NO_TEXT, '', ' ', '\ud83d', '\u202e'])
    expect(await refused({ room, name })).toBe('name')
  for (const signalingUrl of [...NO_TEXT, '', 'mesh', 'ftp://a.b', 'javascript:1'])
    expect(await refused({ room, signalingUrl })).toBe('signalingUrl')
  for (const iceServers of [null, 5, {}, 'stun:a'])
    expect(await refused({ room, iceServers })).toBe('iceServers')
  for (const slots of [null, {}, Number.NaN, 0, -1, 1.5, 1025, 2 ** 53, '4'])
    expect(await refused({ room, slots })).toBe('slots')
  for (const signal of [null, true, {}]) expect(await refused({ room, signal })).toBe('signal')
  expect(await refused({ room, signalUrl: 'https://a.b' })).toBe('signalUrl')
})
