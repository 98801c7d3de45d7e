import { type JobId, OptionError, option, reasonText } from '../base/index.ts'
import type { DatasetManifest } from '../data/index.ts'
import { encodeValue, type Value, WireError } from '../wire/index.ts'
import { JobError, type MapReduceOptions } from './job.ts'
import {
  DEFAULT_TASK_TIMEOUT_MS,
  MAX_CODE_CHARS,
  MAX_DEFAULT_PARTITIONS,
  MAX_PARAMS_BYTES,
  MAX_PARTITIONS,
  MAX_TASK_TIMEOUT_MS,
  MAX_TASKS,
} from './limits.ts'
import type { JobSpec } from './messages.ts'
import { FunctionTextError, formOf } from './sandbox/function-text.ts'
import type { JobCode } from './sandbox/port.ts'

const PARAMS_TOO_LARGE = `is larger than ${MAX_PARAMS_BYTES / 2 ** 20} MiB`

/** Throws an OptionError for what is no option of a job. */
export function checkNames(options: MapReduceOptions): void {
  const names = [
    'dataset',
    'map',
    'combine',
    'reduce',
    'params',
    'partitions',
    'taskTimeoutMs',
    'signal',
  ] as const
  if (options === undefined) throw new OptionError('mapReduce', options, 'takes its options as one object')
  option.names('mapReduce', options, names)
  option.signal('signal', options.signal)
}

/** What a job is about, checked. Throws an OptionError or a JobError that names the option. */
export function resolveSpec(
  options: MapReduceOptions,
  jobId: JobId,
  manifest: DatasetManifest | undefined,
  workers: number,
): JobSpec {
  const name = datasetName(options)
  const code = resolveCode(options)
  const {
    partitions = Math.min(MAX_DEFAULT_PARTITIONS, Math.max(1, workers)),
    taskTimeoutMs = DEFAULT_TASK_TIMEOUT_MS,
  } = options
  option.count('partitions', partitions, { least: 1, most: MAX_PARTITIONS })
  option.count('taskTimeoutMs', taskTimeoutMs, { least: 1, most: MAX_TASK_TIMEOUT_MS })
  const params = resolveParams(options.params)
  if (!manifest)
    throw new JobError('no-such-dataset', `there is no dataset ${JSON.stringify(name)} in this room`)
  if (manifest.shards.length > MAX_TASKS) throw bad('dataset', `has more than ${MAX_TASKS} shards`)
  return { jobId, dataset: name, format: manifest.format, code, params, partitions, taskTimeoutMs }
}

/** A handle stands for its dataset alone, not for another that has its name by now. */
export function datasetOf(options: MapReduceOptions): MapReduceOptions['dataset'] {
  const { dataset } = options
  const isHandle = typeof dataset === 'object' && typeof dataset?.id === 'string'
  return isHandle ? dataset : datasetName(options)
}

export function datasetName({ dataset }: MapReduceOptions): string {
  const name = typeof dataset === 'string' ? dataset : dataset?.name
  if (typeof name !== 'string') throw bad('dataset', 'is neither a name nor a dataset')
  return name
}

function resolveCode(options: MapReduceOptions): JobCode {
  const code: Partial<Record<keyof JobCode, string>> = {}
  for (const name of ['map', 'combine', 'reduce'] as const) {
    const given = options[name]
    if (given !== undefined) code[name] = textOf(name, given)
  }
  const { map, combine, reduce } = code
  if (map === undefined) throw bad('map', 'is missing')
  if (map.length + (combine?.length ?? 0) + (reduce?.length ?? 0) > MAX_CODE_CHARS) {
    throw bad('map', `, combine and reduce together have more than ${MAX_CODE_CHARS} characters`)
  }
  return { map, ...(combine === undefined ? {} : { combine }), ...(reduce === undefined ? {} : { reduce }) }
}

/** A function travels by its source text. */
function textOf(name: string, given: unknown): string {
  if (typeof given !== 'function' && typeof given !== 'string')
    throw bad(name, 'is neither a function nor source text')
  const text = typeof given === 'function' ? Function.prototype.toString.call(given) : given
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text))
    throw bad(name, 'is built in or bound: its source text cannot be read')
  try {
    formOf(text)
    return text
  } catch (error) {
    if (error instanceof FunctionTextError) throw new JobError('code-error', `${name}: ${error.message}`)
    throw error
  }
}

function resolveParams(params: unknown): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = encodeValue(params as Value)
  } catch (error) {
    if (error instanceof WireError && error.code === 'too-large') throw bad('params', PARAMS_TOO_LARGE)
    throw new JobError('bad-option', `params cannot travel: ${reasonText(error)}`, { cause: error })
  }
  if (bytes.byteLength > MAX_PARAMS_BYTES) throw bad('params', PARAMS_TOO_LARGE)
  return bytes
}

function bad(name: string, what: string): JobError {
  return new JobError('bad-option', what.startsWith(',') ? `${name}${what}` : `${name} ${what}`)
}
