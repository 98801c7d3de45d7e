import { describe, expect, test } from 'vitest'
import { GroupCommit } from '../../../web/base/index.ts'

describe('GroupCommit', () => {
  test('BAS11 what is asked for while one runs goes into the next together, in order', async () => {
    const groups: (readonly number[])[] = []
    const commits = new GroupCommit<number, string>(async (inputs) => {
      groups.push(inputs)
      return inputs.map(String)
    })
    const outputs = await Promise.all([1, 2, 3].map((input) => commits.run(input)))
    expect(groups).toEqual([[1], [2, 3]])
    expect(outputs).toEqual(['1', '2', '3'])
    expect([commits.isBusy, commits.waiting]).toEqual([false, 0])
  })

  test('BAS11 a failure is told to all in the group, and to none in the next', async () => {
    const commits = new GroupCommit<number, number>(async (inputs) => {
      if (inputs.includes(2)) throw new Error('no')
      return inputs
    })
    const first = [1, 2, 3].map((input) => commits.run(input))
    const outcomes = await Promise.allSettled(first)
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(await commits.run(4)).toBe(4)
  })

  test('BAS11 where a failure splits a group each is run alone, and only what fails alone is told', async () => {
    const groups: (readonly number[])[] = []
    const commits = new GroupCommit<number, number>(
      async (inputs) => {
        groups.push(inputs)
        if (inputs.includes(3)) throw new Error('too large')
        return inputs
      },
      { isSplitBy: (error) => error instanceof Error && error.message === 'too large' },
    )
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map((input) => commits.run(input)))
    expect(groups).toEqual([[1], [2, 3, 4], [2], [3], [4]])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  })

  test('BAS11 a group is bounded by weight, and takes at least one', async () => {
    const groups: (readonly number[])[] = []
    const commits = new GroupCommit<number, number>(
      async (inputs) => {
        groups.push(inputs)
        return inputs
      },
      { bound: { most: 10, weightOf: (input) => input } },
    )
    await Promise.all([1, 4, 6, 1, 99, 2].map((input) => commits.run(input)))
    expect(groups).toEqual([[1], [4, 6], [1], [99], [2]])
  })
})
