import { expect, test, vi } from 'vitest'
import { createLoader, PartError } from '../../../web/ui/parts/part.tsx'

test('UI15: what did not come is asked for again at the next need, and what came is kept', async () => {
  const fetchIt = vi.fn<() => Promise<string>>()
  fetchIt
    .mockRejectedValueOnce(new TypeError('Failed to fetch dynamically imported module'))
    .mockResolvedValue('part')
  const loader = createLoader(fetchIt)
  const [first, second] = await Promise.allSettled([loader.load(), loader.load()])
  expect(first).toMatchObject({ status: 'rejected', reason: { code: 'not-loaded' } })
  expect(second).toEqual(first)
  expect((first as PromiseRejectedResult).reason).toBeInstanceOf(PartError)
  expect(loader.value).toBeUndefined()
  expect(await loader.load()).toBe('part')
  expect(await loader.load()).toBe('part')
  expect(loader.value).toBe('part')
  expect(fetchIt).toHaveBeenCalledTimes(2)
})
