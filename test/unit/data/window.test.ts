import { describe, expect, test } from 'vitest'
import { readSource } from '../../../web/data/source.ts'
import { Window } from '../../../web/data/window.ts'

const signal = new AbortController().signal

describe('window', () => {
  test('SHD2 bytes and count are bounded, in order of coming; what is larger goes alone', async () => {
    const window = new Window(10, 3)
    const order: string[] = []
    const enter = async (name: string, bytes: number) => {
      const leave = await window.enter(bytes, signal)
      order.push(name)
      return leave
    }
    const first = await enter('first', 6)
    const large = enter('large', 20)
    const small = enter('small', 1)
    await Promise.resolve()
    expect(order).toEqual(['first'])
    first()
    const leaveLarge = await large
    expect(order).toEqual(['first', 'large'])
    leaveLarge()
    await small
    await enter('third', 1)
    await enter('fourth', 1)
    const fifth = enter('fifth', 1)
    ;(await small)()
    await fifth
    expect(order).toEqual(['first', 'large', 'small', 'third', 'fourth', 'fifth'])
  })

  test('SHD2 who no longer waits keeps nobody out', async () => {
    const window = new Window(10, 3)
    const leave = await window.enter(10, signal)
    const controller = new AbortController()
    const gone = window.enter(10, controller.signal)
    const next = window.enter(10, signal)
    controller.abort(new Error('enough'))
    leave()
    await expect(gone).rejects.toThrow('enough')
    await next
  })

  test('SHD2 a stream of anything but bytes is refused', async () => {
    const stream = new ReadableStream({ start: (controller) => controller.enqueue('text') })
    const read = async () => {
      for await (const _piece of readSource(stream, signal));
    }
    await expect(read()).rejects.toMatchObject({ code: 'bad-option' })
  })
})
