import { describe, expect, test } from 'vitest'
import { Turns } from '../../../web/base/index.ts'

/** A work that waits to be ended, and what has begun so far. */
function works() {
  const begun: string[] = []
  const ends = new Map<string, { resolve: () => void; reject: (reason: unknown) => void }>()
  const work = (name: string) => () => {
    begun.push(name)
    return new Promise<string>((resolve, reject) => {
      ends.set(name, { resolve: () => resolve(name), reject })
    })
  }
  return { begun, ends, work }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('Turns', () => {
  test('BAS12 one at a time for each key, in order', async () => {
    const { begun, ends, work } = works()
    const turns = new Turns<string>()
    const all = [turns.run('a', work('a1')), turns.run('a', work('a2')), turns.run('b', work('b1'))]
    await settled()
    expect(begun).toEqual(['a1', 'b1'])
    ends.get('a1')?.resolve()
    await settled()
    expect(begun).toEqual(['a1', 'b1', 'a2'])
    for (const name of ['a2', 'b1']) ends.get(name)?.resolve()
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'b1'])
  })

  test('BAS12 one that fails tells its caller, and the next has its turn', async () => {
    const { ends, work } = works()
    const turns = new Turns<string>()
    const first = turns.run('a', work('1'))
    const second = turns.run('a', work('2'))
    await settled()
    ends.get('1')?.reject('broken')
    await expect(first).rejects.toBe('broken')
    await settled()
    ends.get('2')?.resolve()
    expect(await second).toBe('2')
    await settled()
    expect(turns.isIdle).toBe(true)
  })

  test('BAS12 it is idle only when nothing runs or waits', async () => {
    const { ends, work } = works()
    const turns = new Turns<string>()
    expect(turns.isIdle).toBe(true)
    void turns.run('a', work('1'))
    void turns.run('a', work('2'))
    await settled()
    ends.get('1')?.resolve()
    await settled()
    expect(turns.isIdle).toBe(false)
    ends.get('2')?.resolve()
    await settled()
    expect(turns.isIdle).toBe(true)
  })
})
