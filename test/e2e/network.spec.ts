import { expect, test } from './fixtures/actors.ts'

test.describe('network', () => {
  test('everything that the page does, it does at its own origin', async ({
    alice,
    bob,
    server,
    everybody,
  }) => {
    const sockets: string[] = []
    for (const actor of [alice, bob]) actor.page.on('websocket', (socket) => sockets.push(socket.url()))
    await everybody.meets()
    await alice.adds('lines.txt', 'ant\nbee\n')
    await bob.keeps('lines.txt', 2)
    await bob.runsJob('lines.txt', { map: '(line, ctx) => ctx.emit(line, 1)' })
    await alice.says('hello')
    await bob.hears('hello')
    for (const section of ['files', 'compute', 'chat'] as const) await alice.shows(section)
    for (const actor of [alice, bob]) expect(actor.strayRequests).toEqual([])
    for (const url of sockets) expect(new URL(url).host).toBe(new URL(server.url).host)
  })

  test('no secret of a room is in any request', async ({ alice, bob }) => {
    const seen: string[] = []
    for (const actor of [alice, bob]) {
      actor.context.on('request', (request) =>
        seen.push(request.url(), JSON.stringify(request.headers()), request.postData() ?? ''),
      )
      actor.page.on('websocket', (socket) => {
        seen.push(socket.url())
        socket.on('framesent', ({ payload }) => seen.push(String(payload)))
      })
    }
    await alice.opens('/#new')
    const invite = await alice.invite()
    await bob.opens(invite)
    await alice.sees(bob)
    const secret = new URL(invite).hash.slice(1)
    expect(secret.length).toBeGreaterThan(40)
    expect(seen.length).toBeGreaterThan(0)
    expect(seen.filter((text) => text.includes(secret))).toEqual([])
  })

  test('the page asks no STUN or TURN server of its own accord', async ({ alice }) => {
    await alice.context.addInitScript(() => {
      const asked: unknown[] = []
      Object.assign(window, { asked })
      const native = RTCPeerConnection.prototype.setLocalDescription
      // From here on a connection looks for its addresses. PeerJS makes one that never does, to see what the browser can.
      RTCPeerConnection.prototype.setLocalDescription = function (
        description?: RTCLocalSessionDescriptionInit,
      ) {
        asked.push(...(this.getConfiguration().iceServers ?? []))
        Object.assign(window, { hasGathered: true })
        return Reflect.apply(native, this, [description])
      }
    })
    await alice.opens('/#new')
    const second = await alice.opensSecondTab('Second', await alice.invite())
    await alice.sees(second)
    for (const actor of [alice, second]) {
      expect(await actor.tells(() => 'hasGathered' in window)).toBe(true)
      expect(await actor.tells(() => (window as Window & { asked?: unknown[] }).asked)).toEqual([])
    }
  })
})
