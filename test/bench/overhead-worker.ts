/** A bare Worker: the job's map function, the product's parser, and a Map for the fold. */
import { type DatasetFormat, forEachRecord } from '../../web/data/index.ts'

interface Work {
  readonly bytes: Uint8Array
  readonly format: DatasetFormat
}

addEventListener('message', ({ data }: MessageEvent<Work>) => {
  const sums = new Map<string, [number, number]>()
  const ctx = {
    emit(key: string, [count, delay]: [number, number]) {
      const sum = sums.get(key)
      if (sum === undefined) sums.set(key, [count, delay])
      else {
        sum[0] += count
        sum[1] += delay
      }
    },
  }
  const map = (flight: Record<string, string>) => {
    ctx.emit(flight['origin'] ?? '', [1, Number(flight['delay'])])
  }
  void forEachRecord(data.bytes, data.format, (record) => map(record as Record<string, string>)).then(() => {
    postMessage(sums.size)
  })
})
