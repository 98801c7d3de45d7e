import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CreditLender,
  CreditSpender,
  FRAME_COST_BYTES,
  MAX_FRAME_BYTES,
  type PacketHandler,
  PacketWriter,
  Reassembly,
  readPacket,
  WireError,
} from '../../../web/wire/index.ts'

type Seen = readonly [string, ...unknown[]]

function read(packet: Uint8Array): Seen[] {
  const seen: Seen[] = []
  const see =
    (name: string) =>
    (...args: unknown[]) => {
      seen.push([name, ...args.map((arg) => (arg instanceof Uint8Array ? [...arg] : arg))])
    }
  const names = [
    'onFrame',
    'onChunk',
    'onCredit',
    'onPing',
    'onPong',
    'onLeaving',
    'onEnd',
    'onEndAck',
  ] as const
  const handler = Object.fromEntries(names.map((name) => [name, see(name)])) as Record<
    (typeof names)[number],
    () => void
  >
  readPacket(packet, handler satisfies PacketHandler)
  return seen
}

describe('WIR5 packets', () => {
  test('WIR5 records come back in their order', () => {
    const writer = new PacketWriter(4096)
    writer.frame(new Uint8Array([1, 2]))
    writer.chunk(300, 70_000, 66_000, new Uint8Array([3]))
    writer.credit(1, 0xffff_ffff)
    writer.ping(7)
    writer.pong(8)
    writer.leaving()
    writer.frame(new Uint8Array())
    writer.end()
    writer.endAck()
    expect(read(writer.take())).toEqual([
      ['onFrame', [1, 2]],
      ['onChunk', 300, 70_000, 66_000, [3]],
      ['onCredit', 1, 0xffff_ffff],
      ['onPing', 7],
      ['onPong', 8],
      ['onLeaving'],
      ['onFrame', []],
      ['onEnd'],
      ['onEndAck'],
    ])
    expect(writer.isEmpty).toBe(true)
  })

  test('WIR5 a packet never grows beyond its limit', () => {
    const writer = new PacketWriter(300)
    writer.frame(new Uint8Array(200))
    expect(() => writer.frame(new Uint8Array(200))).toThrow(RangeError)
    expect(writer.take().length).toBeLessThanOrEqual(300)
  })

  test('WIR5 random bytes are records or throw a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 20_000 },
    )
  })

  test('WIR5 a packet handed over is not written to again', () => {
    const writer = new PacketWriter(1024)
    writer.frame(new Uint8Array([1]))
    const packet = writer.take()
    const before = [...packet]
    writer.frame(new Uint8Array([2]))
    expect([...packet]).toEqual(before)
  })
})

describe('WIR6 reassembly', () => {
  test('WIR6 chunks of several frames join in any interleaving', () => {
    const reassembly = new Reassembly()
    expect(reassembly.add(0, 4, 0, new Uint8Array([1, 2]))).toBeUndefined()
    expect(reassembly.add(1, 3, 0, new Uint8Array([7]))).toBeUndefined()
    expect(reassembly.add(0, 4, 2, new Uint8Array([3, 4]))).toEqual(new Uint8Array([1, 2, 3, 4]))
    expect(reassembly.add(1, 3, 1, new Uint8Array([8, 9]))).toEqual(new Uint8Array([7, 8, 9]))
    expect(reassembly.isEmpty).toBe(true)
  })

  test.each<[string, [number, number, number, number][]]>([
    ['a frame larger than allowed', [[0, MAX_FRAME_BYTES + 1, 0, 1]]],
    [
      'more frames at once than allowed',
      [
        [0, MAX_FRAME_BYTES, 0, 1],
        [1, 1, 0, 1],
      ],
    ],
    [
      'a gap',
      [
        [0, 10, 0, 2],
        [0, 10, 3, 1],
      ],
    ],
    [
      'a chunk again',
      [
        [0, 10, 0, 2],
        [0, 10, 0, 2],
      ],
    ],
    [
      'another length than before',
      [
        [0, 10, 0, 2],
        [0, 11, 2, 2],
      ],
    ],
    ['more than the frame', [[0, 2, 0, 3]]],
    ['an empty chunk', [[0, 2, 0, 0]]],
    ['a beginning in the middle', [[0, 10, 5, 1]]],
    [
      'an id used again',
      [
        [0, 1, 0, 1],
        [0, 2, 0, 1],
      ],
    ],
  ])('WIR6 %s is malformed', (_, chunks) => {
    const reassembly = new Reassembly()
    const add = () => {
      for (const [id, total, offset, length] of chunks)
        reassembly.add(id, total, offset, new Uint8Array(length))
    }
    expect(add).toThrow(WireError)
  })
})

describe('WIR7 credit', () => {
  test('WIR7 what is held is not lent again until it is released', () => {
    const lender = new CreditLender(1000, 1000)
    lender.arrived(400)
    lender.hold(400)
    expect(lender.isDue).toBe(false)
    lender.release(400)
    expect(lender.take()).toBe(400 + FRAME_COST_BYTES)
    expect(lender.isDue).toBe(false)
  })

  test('WIR7 the window stays open while less is held than may be', () => {
    const lender = new CreditLender(1000, 5000)
    for (let i = 0; i < 4; i++) {
      lender.arrived(984)
      lender.hold(984)
      expect(lender.take()).toBe(1000)
    }
    lender.arrived(984)
    lender.hold(984)
    expect(lender.take()).toBe(0)
  })

  test('WIR7 more than the credit is refused, empty frames included', () => {
    const lender = new CreditLender(1000, 1000)
    expect(() => lender.arrived(1000)).toThrow(WireError)
    const other = new CreditLender(1000, 1000)
    expect(() => {
      for (let i = 0; i < 100; i++) other.arrived(0)
    }).toThrow(WireError)
  })

  test('WIR7 a grant of nothing, or of more than was spent, is refused', () => {
    const spender = new CreditSpender(1000)
    expect(() => spender.grant(1)).toThrow(WireError)
    spender.spend(100)
    expect(() => spender.grant(0)).toThrow(WireError)
    spender.grant(100 + FRAME_COST_BYTES)
    expect(spender.left).toBe(1000)
  })
})
