import { afterEach, expect, test, vi } from 'vitest'
import { diagnoseSignaling } from '../../../web/mesh/peerjs-diagnosis.ts'

afterEach(() => vi.unstubAllGlobals())

function diagnosis(response: () => Response): Promise<string | undefined> {
  vi.stubGlobal('fetch', async () => response())
  return diagnoseSignaling('https://mesh.example/deep/', 'room')
}

const typed = (type: string, status = 200) => ({ status, headers: { 'content-type': type } })

test.each<[string, () => Response, RegExp]>([
  [
    'a list',
    () => new Response('[]', typed('application/json')),
    /no WebSocket to it opens.*Upgrade and Connection/,
  ],
  [
    'a refusal',
    () => new Response('start it with --public-url\n', typed('text/plain; charset=utf-8', 403)),
    /refuses this page: start it with --public-url$/,
  ],
  [
    'a page',
    () => new Response('<html>', typed('text/html', 404)),
    /https:\/\/mesh\.example\/deep\/ is no signaling server \(status 404\)/,
  ],
])('TRN19: %s is told in words', async (_, response, words) => {
  expect(await diagnosis(response)).toMatch(words)
})

test('TRN19: nobody there, no JSON and a text without end are left unsaid', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('refused')))
  expect(await diagnoseSignaling('https://mesh.example/', 'room')).toBeUndefined()
  expect(await diagnosis(() => new Response('{', typed('application/json')))).toBeUndefined()
  expect(await diagnosis(() => new Response('x'.repeat(100_000), typed('text/plain', 403)))).toBeUndefined()
})
