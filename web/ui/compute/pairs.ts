import type { JobKey } from '../../compute/index.ts'

/** What a job gave. */
export type Pairs = readonly (readonly [JobKey, unknown])[]
