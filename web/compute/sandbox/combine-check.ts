import { decodeValue, encodeValue, type Value } from '../../wire/index.ts'
import { recordText, TaskFault } from './fault.ts'
import type { Key } from './keys.ts'

/**
 * Gives the combiner its own output once more: it must bear that, and give a value of the same shape. Throws a TaskFault
 * `bad-combine` that shows both.
 */
export async function checkCombine(
  combine: (key: Key, values: unknown[]) => unknown,
  key: Key,
  combined: unknown,
): Promise<void> {
  let again: unknown
  try {
    // A copy: combiners may build on their first value.
    again = await combine(key, [decodeValue(encodeValue(combined as Value))])
  } catch (error) {
    throw fault(key, combined, `it threw ${String(error).slice(0, 500)}`)
  }
  if (shapeOf(again) !== shapeOf(combined)) throw fault(key, combined, `it gave ${recordText(again)}`)
}

function fault(key: Key, combined: unknown, what: string): TaskFault {
  const given = recordText(combined)
  return new TaskFault(
    'bad-combine',
    `combine must bear its own output, as it runs any number of times: given ${given} of key ${recordText(key)}, ${what}`,
    { record: recordText(key) },
  )
}

/** The kind of a value and of its fields; a number that is none has a kind of its own. */
function shapeOf(value: unknown): string {
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : 'number'
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  const kind = Object.prototype.toString.call(value)
  if (kind !== '[object Object]') return kind
  const fields = Object.entries(value).map(([name, field]) => `${name}:${kindOf(field)}`)
  return fields.sort().join()
}

function kindOf(value: unknown): string {
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : 'number'
  return value === null ? 'null' : typeof value
}
