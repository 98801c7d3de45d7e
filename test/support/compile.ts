import { jobScript } from '../../web/compute/sandbox/function-text.ts'
import type { JobFunctions } from '../../web/compute/sandbox/guest-core.ts'
import type { JobCode } from '../../web/compute/sandbox/port.ts'

/** Compiles a job as the sandbox does, in this realm. Throws a SyntaxError or FunctionTextError. */
export function compileJob(code: JobCode): JobFunctions {
  let functions: JobFunctions | undefined
  const entry = (thunks: Record<string, (() => unknown) | undefined>) => {
    const [map, combine, reduce] = ['map', 'combine', 'reduce'].map((name) => functionIn(thunks[name]?.()))
    functions = { map, ...(combine ? { combine } : {}), ...(reduce ? { reduce } : {}) } as JobFunctions
  }
  new Function('entry', `'use strict';${jobScript(code, 'entry').text}`)(entry)
  if (!functions) throw new TypeError('the script did not call its entry')
  return functions
}

function functionIn(made: unknown): unknown {
  return typeof made === 'object' && made !== null ? Object.values(made)[0] : made
}
