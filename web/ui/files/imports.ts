import type { AddProgress, Datasets, ReadOptions } from '../../data/index.ts'
import { createObservable, type Observable } from '../observable.ts'

/** One file on its way into the room. */
export interface Import {
  readonly id: number
  readonly name: string
  readonly bytes: number
  readonly state:
    | { readonly kind: 'running'; readonly progress: AddProgress | undefined }
    | { readonly kind: 'failed'; readonly message: string }
}

export interface Imports {
  readonly all: Observable<readonly Import[]>
  start(name: string, file: Blob, options: ReadOptions): void
  /** Cancels what runs; takes what failed off the list. */
  end(id: number): void
  isBusy(): boolean
}

/** Imports outlive the view that started them. */
export function createImports(datasets: Datasets): Imports {
  const all = createObservable<readonly Import[]>([])
  const controllers = new Map<number, AbortController>()
  let last = 0
  const put = (id: number, state: Import['state']) =>
    all.set(all.get().map((one) => (one.id === id ? { ...one, state } : one)))
  const remove = (id: number) => {
    controllers.delete(id)
    all.set(all.get().filter((one) => one.id !== id))
  }
  return {
    all,
    start: (name, file, options) => {
      const id = ++last
      const controller = new AbortController()
      controllers.set(id, controller)
      all.set([...all.get(), { id, name, bytes: file.size, state: { kind: 'running', progress: undefined } }])
      const onProgress = (progress: AddProgress) => put(id, { kind: 'running', progress })
      datasets.add(name, file, { ...options, onProgress, signal: controller.signal }).then(
        () => remove(id),
        (error: Error) =>
          controller.signal.aborted ? remove(id) : put(id, { kind: 'failed', message: error.message }),
      )
    },
    end: (id) => {
      controllers.get(id)?.abort(new DOMException('cancelled', 'AbortError'))
      if (all.get().find((one) => one.id === id)?.state.kind === 'failed') remove(id)
    },
    isBusy: () => all.get().some((one) => one.state.kind === 'running'),
  }
}
