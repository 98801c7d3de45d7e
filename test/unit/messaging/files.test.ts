import { describe, expect, test } from 'vitest'
import { type PeerId, randomToken } from '../../../web/base/index.ts'
import { type FileTransfer, MESSAGING_TABLES } from '../../../web/messaging/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'
import type { MessagingTab } from '../../support/sim/messaging-tab.ts'

const MIB = 1024 * 1024
const SECOND = 1_000

function bytesOf(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (state * 1103515245 + 12345) & 0x7fffffff
    bytes[at] = state >> 16
  }
  return bytes
}

function fileOf(length: number, name = 'photo.png'): File {
  return new File([bytesOf(length)], name, { type: 'image/png', lastModified: 7 })
}

/** Whether these are the bytes of {@link fileOf} of that length. */
async function isFile(blob: Blob, length: number): Promise<boolean> {
  return Buffer.compare(new Uint8Array(await blob.arrayBuffer()), bytesOf(length)) === 0
}

class FileRoom {
  readonly room: QueueRoom

  constructor(room: QueueRoom) {
    this.room = room
  }

  static async open(count: number): Promise<FileRoom> {
    return new FileRoom(await QueueRoom.open(count))
  }

  files(index: number) {
    return (this.room.tabs[index] as MessagingTab).messaging.files
  }

  peer(index: number): PeerId {
    return (this.room.tabs[index] as MessagingTab).tab.peerId
  }

  /** From one tab to another, offered and known there. */
  async offers(from: number, to: number, file: Blob): Promise<{ out: FileTransfer; in: FileTransfer }> {
    const out = this.files(from).send(this.peer(to), file)
    await this.room.sim.run(200)
    const incoming = this.files(to).list().at(-1)
    if (!incoming) throw new Error('nothing was offered')
    return { out, in: incoming }
  }

  async until(transfer: FileTransfer, state: string): Promise<void> {
    await this.room.sim.runUntil(() => transfer.getSnapshot().state === state, 120 * SECOND, state)
  }

  ask(from: number, to: number, method: string, body: never): Promise<unknown> {
    const { room } = this.room.tabs[from] as MessagingTab
    return this.room.settle(room.request(this.peer(to), method, body, { timeoutMs: SECOND }))
  }
}

describe('FIL1 a file comes only to who accepts it', () => {
  test('offered, accepted, moved, compared: the same bytes', async () => {
    const room = await FileRoom.open(2)
    const file = fileOf(2.5 * MIB)
    const { out, in: incoming } = await room.offers(0, 1, file)
    expect(incoming.getSnapshot()).toMatchObject({ state: 'offered', bytes: 0 })
    expect(incoming.file).toMatchObject({ name: 'photo.png', size: file.size, type: 'image/png' })
    await room.room.sim.run(5 * SECOND)
    expect(incoming.getSnapshot().bytes).toBe(0)
    incoming.accept()
    await room.room.settle(Promise.all([incoming.done, out.done]))
    expect(out.getSnapshot()).toMatchObject({ state: 'done', bytes: file.size })
    const blob = await room.room.settle(incoming.blob())
    expect(blob.type).toBe('image/png')
    expect(await isFile(blob, file.size)).toBe(true)
  })

  test('an empty one too', async () => {
    const room = await FileRoom.open(2)
    const { in: incoming } = await room.offers(0, 1, fileOf(0))
    incoming.accept()
    await room.room.settle(incoming.done)
    expect((await room.room.settle(incoming.blob())).size).toBe(0)
  })

  test('declined, neither has anything of it', async () => {
    const room = await FileRoom.open(2)
    const { out, in: incoming } = await room.offers(0, 1, fileOf(MIB))
    incoming.decline()
    expect(await failureOf(room.room.settle(out.done))).toMatchObject({ code: 'declined' })
    expect(incoming.getSnapshot()).toMatchObject({ state: 'declined', bytes: 0 })
    expect(await failureOf(incoming.done)).toMatchObject({ code: 'declined' })
  })

  test('one may be cancelled by either side, and nothing stays', async () => {
    for (const who of ['out', 'in'] as const) {
      const room = await FileRoom.open(2)
      const both = await room.offers(0, 1, fileOf(40 * MIB))
      both.in.accept()
      await room.room.sim.runUntil(() => both.in.getSnapshot().bytes > 0, 20 * SECOND)
      both[who].cancel()
      await room.until(both.in, 'cancelled')
      await room.until(both.out, 'cancelled')
      await room.room.sim.run(SECOND)
      const [, tab] = room.room.tabs
      const store = await tab?.disk.open(['file.files', 'file.chunks'])
      expect(await store?.keys('file.files')).toEqual([])
      expect(await store?.keys('file.chunks')).toEqual([])
    }
  })

  test('a shared one is fetched by whoever wants it', async () => {
    const room = await FileRoom.open(3)
    const shared = room.files(0).share(fileOf(MIB))
    const fetched = [1, 2].map((index) => room.files(index).fetch(room.peer(0), shared))
    await room.room.settle(Promise.all(fetched.map(({ done }) => done)))
    expect(room.files(1).fetch(room.peer(0), shared)).toBe(fetched[0])
    expect(room.files(0).list()).toHaveLength(2)
  })
})

describe('FIL2 progress counts what is on the receiver’s disk', () => {
  test('on both sides, and never backwards', async () => {
    const room = await FileRoom.open(2)
    const { out, in: incoming } = await room.offers(0, 1, fileOf(20 * MIB))
    const seen: number[] = []
    incoming.subscribe(() => seen.push(incoming.getSnapshot().bytes))
    incoming.accept()
    await room.room.sim.runUntil(() => incoming.getSnapshot().bytes > 8 * MIB, 20 * SECOND)
    expect(out.getSnapshot().bytes).toBeLessThanOrEqual(incoming.getSnapshot().bytes)
    await room.room.settle(incoming.done)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.at(-1)).toBe(20 * MIB)
  })
})

describe('FIL3 a broken transfer goes on where it was', () => {
  test('after a break of the link: no chunk comes twice', async () => {
    const room = await FileRoom.open(2)
    const { in: incoming } = await room.offers(0, 1, fileOf(30 * MIB))
    incoming.accept()
    await room.room.sim.runUntil(() => incoming.getSnapshot().bytes > 8 * MIB, 20 * SECOND)
    const [a, b] = [room.peer(0), room.peer(1)]
    room.room.sim.network.partition([a], [b])
    await room.until(incoming, 'waiting')
    const before = incoming.getSnapshot().bytes
    room.room.sim.network.heal()
    await room.room.settle(incoming.done)
    expect(before).toBeGreaterThan(8 * MIB)
    const blob = await room.room.settle(incoming.blob())
    expect(await isFile(blob, 30 * MIB)).toBe(true)
  })

  test('after a reload of the receiver', async () => {
    const room = await FileRoom.open(2)
    const { out, in: incoming } = await room.offers(0, 1, fileOf(60 * MIB))
    incoming.accept()
    await room.room.sim.runUntil(() => incoming.getSnapshot().bytes > 50 * MIB, 60 * SECOND)
    room.room.kill(1)
    await room.until(out, 'waiting')
    await room.room.returns(1)
    const [again] = room.files(1).list()
    expect(again?.getSnapshot().bytes).toBeGreaterThan(20 * MIB)
    await room.room.settle(Promise.all([again?.done, out.done]))
  })

  test('after a crash of the receiver at any moment: to within one chunk', async () => {
    const room = await FileRoom.open(2)
    const { out, in: incoming } = await room.offers(0, 1, fileOf(60 * MIB))
    incoming.accept()
    await room.room.sim.runUntil(() => incoming.getSnapshot().bytes >= 20 * MIB, 60 * SECOND)
    room.room.kill(1)
    const before = incoming.getSnapshot().bytes
    await room.until(out, 'waiting')
    await room.room.returns(1)
    const [again] = room.files(1).list()
    expect(again?.getSnapshot().bytes).toBeGreaterThanOrEqual(before - MIB)
    await room.room.settle(Promise.all([again?.done, out.done]))
    const blob = await room.room.settle(again?.blob() as Promise<Blob>)
    expect(await isFile(blob, 60 * MIB)).toBe(true)
  })

  test('after a reload of the sender it stops, and goes on when the same file is offered again', async () => {
    const room = await FileRoom.open(2)
    const { in: incoming } = await room.offers(0, 1, fileOf(30 * MIB))
    incoming.accept()
    await room.room.sim.runUntil(() => incoming.getSnapshot().bytes > 8 * MIB, 20 * SECOND)
    room.room.kill(0)
    await room.until(incoming, 'waiting')
    await room.room.returns(0)
    await room.until(incoming, 'stopped')
    const before = incoming.getSnapshot().bytes
    room.files(0).send(room.peer(1), fileOf(30 * MIB))
    await room.room.settle(incoming.done)
    expect(before).toBeGreaterThan(8 * MIB)
    expect(room.files(1).list()).toHaveLength(1)
  })

  test('what is done is there after a reload', async () => {
    const room = await FileRoom.open(2)
    const { in: incoming } = await room.offers(0, 1, fileOf(2 * MIB))
    incoming.accept()
    await room.room.settle(incoming.done)
    room.room.kill(1)
    await room.room.returns(1)
    const [again] = room.files(1).list()
    expect(again?.getSnapshot()).toMatchObject({ state: 'done', bytes: 2 * MIB })
    expect((await room.room.settle((again as FileTransfer).blob())).size).toBe(2 * MIB)
    await room.room.settle((again as FileTransfer).remove())
    expect(room.files(1).list()).toEqual([])
  })
})

describe('FIL4 what came is compared with what was sent', () => {
  test('a chunk whose bytes are others than were hashed is asked for again', async () => {
    const room = await FileRoom.open(2)
    const { room: receiver } = room.room.tabs[1] as MessagingTab
    const request = receiver.request.bind(receiver)
    let wrongs = 1
    receiver.request = async (to, method, body, options) => {
      const answer = await request(to, method, body, options)
      const isIt = method === 'file.chunk' && (body as { index?: number }).index === 1
      return isIt && wrongs-- > 0 ? bytesOf(MIB, 99) : answer
    }
    const { out, in: incoming } = await room.offers(0, 1, fileOf(3 * MIB))
    incoming.accept()
    await room.room.settle(Promise.all([incoming.done, out.done]))
    expect(await isFile(await room.room.settle(incoming.blob()), 3 * MIB)).toBe(true)
  })

  test('one that is never right fails for both, and nothing of it stays', async () => {
    const room = await FileRoom.open(2)
    const { room: receiver } = room.room.tabs[1] as MessagingTab
    const request = receiver.request.bind(receiver)
    receiver.request = async (to, method, body, options) => {
      const answer = await request(to, method, body, options)
      return method === 'file.chunk' ? bytesOf(MIB, 99) : answer
    }
    const { out, in: incoming } = await room.offers(0, 1, fileOf(3 * MIB))
    incoming.accept()
    expect(await failureOf(room.room.settle(incoming.done))).toMatchObject({ code: 'damaged' })
    expect(await failureOf(room.room.settle(out.done))).toMatchObject({ code: 'damaged' })
  })

  test('a chunk that its disk has changed is found when it is read', async () => {
    const room = await FileRoom.open(2)
    const { in: incoming } = await room.offers(0, 1, fileOf(2 * MIB))
    incoming.accept()
    await room.room.settle(incoming.done)
    room.room.kill(1)
    const store = await room.room.tabs[1]?.disk.open(MESSAGING_TABLES)
    await store?.write(
      [{ table: 'file.chunks', key: [incoming.id, 1], value: bytesOf(MIB, 5).buffer }],
      'relaxed',
    )
    await room.room.returns(1)
    const [again] = room.files(1).list() as [FileTransfer]
    expect(await failureOf(room.room.settle(again.blob()))).toMatchObject({ code: 'damaged' })
  })

  test('a file that has changed since it was chosen fails for both, with the reason', async () => {
    const room = await FileRoom.open(2)
    const file = fileOf(3 * MIB)
    Object.defineProperty(file, 'slice', {
      value: () => ({ arrayBuffer: () => Promise.reject(new DOMException('changed', 'NotReadableError')) }),
    })
    const { out, in: incoming } = await room.offers(0, 1, file)
    incoming.accept()
    await room.until(out, 'failed')
    expect(out.getSnapshot().reason).toMatch(/changed or is gone/)
    await room.room.sim.runUntil(
      () => ['failed', 'stopped'].includes(incoming.getSnapshot().state),
      10 * SECOND,
    )
  })
})

describe('FIL5 everything from another member is checked and bounded', () => {
  const id = 'a'.repeat(26)
  const good = { id, name: 'a.txt', size: 10, type: 'text/plain', lastModified: 0 }
  const WRONG: readonly unknown[] = [
    null,
    { ...good, id: '' },
    { ...good, name: '' },
    { ...good, name: '../etc/passwd' },
    { ...good, name: 'a\u202Etxt.exe' },
    { ...good, name: 'a'.repeat(256) },
    { ...good, size: -1 },
    { ...good, size: 2 ** 60 },
    { ...good, size: 1.5 },
    { ...good, type: 'text/html<script>' },
    { ...good, lastModified: Number.NaN },
  ]

  test('offers that are none are refused', async () => {
    const room = await FileRoom.open(2)
    for (const wrong of WRONG)
      expect(
        await failureOf(room.ask(0, 1, 'file.offer', wrong as never)),
        JSON.stringify(wrong),
      ).toBeDefined()
    expect(room.files(1).list()).toEqual([])
  })

  test('a member’s offers are at most 20 at a time', async () => {
    const room = await FileRoom.open(2)
    const { random } = room.room.sim
    for (let size = 0; size < 20; size++)
      await room.ask(0, 1, 'file.offer', { ...good, id: randomToken(random), size } as never)
    expect(room.files(1).list()).toHaveLength(20)
    const more = room.ask(0, 1, 'file.offer', { ...good, id: randomToken(random), size: 99 } as never)
    expect(await failureOf(more)).toMatchObject({ code: 'queue-full' })
  })

  test('what was offered to one is not given to another', async () => {
    const room = await FileRoom.open(3)
    const { out } = await room.offers(0, 1, fileOf(MIB))
    const body = { id: (out.file as { id?: string }).id, index: 0, bytes: 0 }
    expect(await failureOf(room.ask(2, 0, 'file.chunk', body as never))).toMatchObject({ code: 'gone' })
  })

  test('chunks that there are not, and ends that are none, change nothing', async () => {
    const room = await FileRoom.open(2)
    const { out, in: incoming } = await room.offers(0, 1, fileOf(MIB))
    const { id: fileId } = out.file as { id?: string }
    for (const body of [null, {}, { id: fileId, index: 5, bytes: 0 }, { id: fileId, index: 0, bytes: -1 }])
      expect(await failureOf(room.ask(1, 0, 'file.chunk', body as never))).toBeDefined()
    for (const body of [null, {}, { id: fileId, how: 'exploded', reason: '' }])
      expect(await failureOf(room.ask(1, 0, 'file.end', body as never))).toBeDefined()
    incoming.accept()
    await room.room.settle(incoming.done)
  })

  test('names and types of one’s own files are made safe', async () => {
    const room = await FileRoom.open(2)
    const file = new File(['x'], 'a/b\\c\u0000.txt', { type: 'Text/Plain; charset=utf-8' })
    const { in: incoming } = await room.offers(0, 1, file)
    expect(incoming.file).toMatchObject({ name: 'a_b_c_.txt', type: 'text/plain' })
  })

  test.each([
    ['a\u202egpj.exe', 'agpj.exe'],
    ['\u200b \u3164', 'file'],
    ['', 'file'],
    ['..', '..'],
    ['one\ntwo\u2028.txt', 'one_two .txt'],
    [`${'x'.repeat(254)}😀.txt`, 'x'.repeat(254)],
    ['half\ud83d.txt', 'half\ufffd.txt'],
    [`a${'\u0301'.repeat(100)}`, `a${'\u0301'.repeat(4)}`],
  ])('a name is made fit to be shown, by its sender and by who gets it: %j', async (given, shown) => {
    const room = await FileRoom.open(2)
    const { in: incoming, out } = await room.offers(0, 1, new File(['x'], given))
    expect([out.file.name, incoming.file.name]).toEqual([shown, shown])
    const from = room.peer(0)
    for (const claimed of ['a\u200fgpj.exe', 'x\u200b', '\u3164'])
      expect(room.files(1).fetch(from, { ...good, name: claimed } as never).file.name).toMatch(
        /^(agpj\.exe|x|file)$/,
      )
  })

  test('whoever is not here, and what is no file, is refused at once', async () => {
    const room = await FileRoom.open(1)
    const files = room.files(0)
    expect(() => files.send(room.peer(0), fileOf(1))).toThrow(/in the room/)
    expect(() => files.share('text' as never)).toThrow(/at most/)
    expect(() => files.fetch(room.peer(0), good as never)).toThrow(/has shared/)
  })
})
