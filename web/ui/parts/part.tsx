import { type ComponentType, type ReactNode, useEffect, useState } from 'react'

/** A piece of the page's own code did not come: the server is away, or has another version of the page by now. */
export class PartError extends Error {
  readonly code = 'not-loaded'

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.name = 'PartError'
  }
}

/** Code that is loaded once; what did not come is asked for again at the next need. */
export interface Loader<Value> {
  /** Undefined until it has come. */
  readonly value: Value | undefined
  /** Rejects with a PartError. */
  load(): Promise<Value>
}

export function createLoader<Value>(fetchIt: () => Promise<Value>): Loader<Value> {
  let value: Value | undefined
  let loading: Promise<Value> | undefined
  return {
    get value() {
      return value
    },
    load: () => {
      loading ??= fetchIt().then(
        (come) => {
          value = come
          return come
        },
        (error: unknown) => {
          loading = undefined
          throw new PartError(error)
        },
      )
      return loading
    },
  }
}

/** One after another, each on its own: only a head start, since what is shown asks again and says so when it fails. */
export async function loadEach(loaders: readonly Pick<Loader<unknown>, 'load'>[]): Promise<void> {
  for (const loader of loaders) await loader.load().catch(() => undefined)
}

/**
 * A component whose code comes when it is shown, or before by its `load`. Where it does not come, it throws a PartError
 * to the boundary around it; shown again, it asks again.
 */
export function createPart<Props extends object>(
  fetchIt: () => Promise<ComponentType<Props>>,
  waiting: (props: Props) => ReactNode = () => null,
): ComponentType<Props> & { load(): Promise<unknown> } {
  const loader = createLoader(fetchIt)
  function Part(props: Props) {
    const [error, setError] = useState<unknown>()
    const [, setCome] = useState(loader.value !== undefined)
    useEffect(() => {
      let isGone = false
      loader.load().then(
        () => isGone || setCome(true),
        (reason: unknown) => isGone || setError(reason),
      )
      return () => {
        isGone = true
      }
    }, [])
    if (error !== undefined) throw error
    const Loaded = loader.value
    return Loaded ? <Loaded {...props} /> : waiting(props)
  }
  return Object.assign(Part, { load: loader.load })
}
