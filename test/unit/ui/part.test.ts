import { expect, test, vi } from 'vitest'
import { createLoader, loadEach, PartError } from '../../../web/ui/parts/part.tsx'

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

test('UI15: of the parts that are fetched ahead, one that does not come keeps none of the others away', async () => {
  const asked: string[] = []
  const partOf = (name: string, comes: boolean) =>
    createLoader(async () => {
      asked.push(name)
      if (!comes) throw new TypeError('Failed to fetch dynamically imported module')
      return name
    })
  await loadEach([partOf('files', true), partOf('queues', false), partOf('compute', true)])
  expect(asked).toEqual(['files', 'queues', 'compute'])
})
