import type { DatasetFormat } from '../../web/data/index.ts'
import BareWorker from './overhead-worker.ts?worker&inline'
import { serve } from './page.ts'

let bytes: Uint8Array<ArrayBuffer>
let format: DatasetFormat
const worker = new BareWorker()

/** The offered file without its header line, as the shards have it. */
async function load(): Promise<number> {
  const file = document.querySelector<HTMLInputElement>('#bench-file')?.files?.[0]
  if (!file) throw new Error('no file was offered')
  const all = new Uint8Array(await file.arrayBuffer())
  const headEnd = all.indexOf(10)
  const columns = new TextDecoder().decode(all.subarray(0, headEnd)).split(',')
  bytes = all.slice(headEnd + 1)
  format = { kind: 'csv', delimiter: ',', columns }
  return bytes.byteLength
}

/** Seconds from handing over the bytes to the Worker's answer. */
function run(): Promise<number> {
  return new Promise((resolve) => {
    const startedMs = performance.now()
    worker.onmessage = () => resolve((performance.now() - startedMs) / 1000)
    worker.postMessage({ bytes, format })
  })
}

serve({ load, run })
