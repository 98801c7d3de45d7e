import { createObservable, type Observable } from '../observable.ts'

/** The three functions of a job as they stand in the editor. */
export interface JobDraft {
  readonly map: string
  readonly combine: string
  readonly reduce: string
}
export type Part = keyof JobDraft
export const PARTS: readonly Part[] = ['map', 'combine', 'reduce']

export interface Drafts {
  readonly dataset: Observable<string | undefined>
  /** Undefined until a person or an example has written something. */
  readonly draft: Observable<JobDraft | undefined>
  readonly part: Observable<Part>
}

export function createDrafts(): Drafts {
  return {
    dataset: createObservable<string | undefined>(undefined),
    draft: createObservable<JobDraft | undefined>(undefined),
    part: createObservable<Part>('map'),
  }
}
