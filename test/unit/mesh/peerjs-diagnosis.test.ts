import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { diagnoseSignaling } from '../../../web/mesh/peerjs/peerjs-diagnosis.ts'

afterEach(() => vi.unstubAllGlobals())

beforeEach(() => vi.stubGlobal('location', { origin: 'https://page.example' }))

/** What the server answers to the question for a WebSocket, and for the list of peers. */
function diagnosis(socket: () => Response, list = socket): Promise<string | undefined> {
  vi.stubGlobal('fetch', async (url: string) => {
    if (url === 'https://mesh.example/deep/peerjs?page=https%3A%2F%2Fpage.example') return socket()
    expect(url).toBe('https://mesh.example/deep/room/peers')
    return list()
  })
  return diagnoseSignaling('https://mesh.example/deep/', 'room')
}

const typed = (type: string, status = 200) => ({ status, headers: { 'content-type': type } })
const plain = (words: string, status: number) => () =>
  new Response(words, typed('text/plain; charset=utf-8', status))
const page = () => new Response('<html>', typed('text/html', 404))

test.each<[string, () => Response, () => Response, RegExp]>([
  ['a refusal', plain('start it with --public-url\n', 403), page, /opens\. start it with --public-url$/],
  ['a lost upgrade', plain('pass Upgrade on\n', 426), page, /opens\. pass Upgrade on$/],
  [
    'a list of the stock server',
    page,
    () => new Response('[]', typed('application/json')),
    /no WebSocket to it opens.*Upgrade and Connection/,
  ],
  ['a page', page, page, /https:\/\/mesh\.example\/deep\/ is no signaling server \(status 404\)/],
  [
    'a missing path',
    plain('not found', 404),
    plain('not found', 404),
    /is no signaling server \(status 404\)/,
  ],
])('TRN19: %s is told in words', async (_, socket, list, words) => {
  expect(await diagnosis(socket, list)).toMatch(words)
})

test('TRN19: nobody there, no JSON and a text without end are left unsaid', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('refused')))
  expect(await diagnoseSignaling('https://mesh.example/', 'room')).toBeUndefined()
  expect(await diagnosis(page, () => new Response('{', typed('application/json')))).toBeUndefined()
  expect(await diagnosis(plain('x'.repeat(100_000), 403))).toBeUndefined()
})
