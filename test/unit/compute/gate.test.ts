import { describe, expect, test } from 'vitest'
import { Gate } from '../../../web/compute/gate.ts'

const never = new AbortController().signal

/** A work that ends when told to, and what has begun so far. */
class Works {
  readonly begun: string[] = []
  readonly #ends = new Map<string, () => void>()

  start(gate: Gate, name: string, signal: AbortSignal = never): Promise<string> {
    return gate.run(signal, () => {
      this.begun.push(name)
      return new Promise((resolve) => this.#ends.set(name, () => resolve(name)))
    })
  }

  end(name: string): void {
    this.#ends.get(name)?.()
  }
}

describe('a gate', () => {
  test('lets so many in at once, the others in their order', async () => {
    const gate = new Gate(1)
    const works = new Works()
    const [first, second] = [works.start(gate, 'a'), works.start(gate, 'b')]
    await Promise.resolve()
    expect(works.begun).toEqual(['a'])
    works.end('a')
    await first
    await expect.poll(() => works.begun).toEqual(['a', 'b'])
    works.end('b')
    expect(await second).toBe('b')
  })

  test('made wider, it lets those in that wait; made narrower, those inside run on', async () => {
    const gate = new Gate(1)
    const works = new Works()
    const all = ['a', 'b', 'c', 'd'].map((name) => works.start(gate, name))
    gate.width = 3
    await expect.poll(() => works.begun).toEqual(['a', 'b', 'c'])
    gate.width = 1
    works.end('a')
    works.end('b')
    await Promise.all(all.slice(0, 2))
    expect(works.begun).toEqual(['a', 'b', 'c'])
    works.end('c')
    await expect.poll(() => works.begun).toEqual(['a', 'b', 'c', 'd'])
    works.end('d')
    await Promise.all(all)
  })

  test('who gives up while waiting leaves the others their turn', async () => {
    const gate = new Gate(1)
    const works = new Works()
    const controller = new AbortController()
    const first = works.start(gate, 'a')
    const impatient = works.start(gate, 'b', controller.signal)
    const third = works.start(gate, 'c')
    controller.abort(new Error('enough'))
    await expect(impatient).rejects.toThrow('enough')
    works.end('a')
    await first
    await expect.poll(() => works.begun).toEqual(['a', 'c'])
    works.end('c')
    expect(await third).toBe('c')
  })
})
