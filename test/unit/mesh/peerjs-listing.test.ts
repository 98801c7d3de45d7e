import { afterEach, expect, test, vi } from 'vitest'
import { listPeers } from '../../../web/mesh/peerjs/peerjs-listing.ts'

afterEach(() => vi.unstubAllGlobals())

const ID = 'abcdefghijklmnopqrstuvwxyz234567'

function listing(response: () => Response) {
  vi.stubGlobal('fetch', async () => response())
  return listPeers('http://127.0.0.1:9000/', 'room', new AbortController().signal)
}

test('TRN1: of a listing only ids count, and the address is below the server', async () => {
  expect(
    await listing(() => new Response(JSON.stringify([ID, '__proto__', 7, null, 'A'.repeat(99)]))),
  ).toEqual({ peerIds: [ID], isWhole: true })
  const many = Array.from({ length: 32 }, (_, index) => `stranger${index}`)
  expect(await listing(() => new Response(JSON.stringify(many)))).toEqual({ peerIds: [], isWhole: false })
  const fetched = vi.fn(async () => new Response('[]'))
  vi.stubGlobal('fetch', fetched)
  await listPeers('http://127.0.0.1:9000/below/', 'room', new AbortController().signal)
  expect(fetched).toHaveBeenCalledWith('http://127.0.0.1:9000/below/room/peers', expect.anything())
})

test.each([
  ['an error', () => new Response('[]', { status: 500 })],
  ['no list', () => new Response('{}')],
  ['no JSON', () => new Response('<html>')],
  ['nothing', () => new Response(null)],
])('TRN1: %s is signaling-down', async (_, response) => {
  await expect(listing(response)).rejects.toMatchObject({ code: 'signaling-down' })
})

test('TRN1: a listing without end is left at 64 KiB', async () => {
  let chunks = 0
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      chunks++
      controller.enqueue(new Uint8Array(16 * 1024).fill(32))
    },
  })
  await expect(listing(() => new Response(endless))).rejects.toMatchObject({ code: 'signaling-down' })
  expect(chunks).toBeLessThan(10)
})
