import { TaskFault } from './fault.ts'

/** One call of one of the job's functions: what it was given speaks for it until it has returned, or its promise has settled. */
export interface Turn<C> {
  isOpen: boolean
  readonly context: C
}

/** Thrown when calls that share a context turn out to overlap; the task begins again with a context for each call. */
export const OVERLAP = Symbol('calls that overlap')

/**
 * The turns of one function. A context for each call costs ordinary functions a twentieth of their time, so they share
 * one; a function that returns promises gets one for each call, and with it what comes late is known from what does not.
 */
export class Turns<C> {
  readonly #create: (isOpen: () => boolean) => C
  #shared: Turn<C> | undefined
  #count = 0

  /** `isExact`: a context for each call from the first. */
  constructor(create: (isOpen: () => boolean) => C, isExact: boolean) {
    this.#create = create
    this.#shared = isExact ? undefined : this.#make()
  }

  open(): Turn<C> {
    const turn = this.#shared ?? this.#make()
    turn.isOpen = true
    this.#count++
    return turn
  }

  /** The call has returned this. Throws {@link OVERLAP} when others had its context before; then it runs on for nothing. */
  onPromise(returned: PromiseLike<unknown>): void {
    if (this.#shared && this.#count > 1) {
      returned.then(undefined, () => undefined)
      throw OVERLAP
    }
    this.#shared = undefined
  }

  #make(): Turn<C> {
    const turn = { isOpen: false, context: undefined as C }
    turn.context = this.#create(() => turn.isOpen)
    return turn
  }
}

/** The first word that came when its call was over. */
export class Lateness {
  fault: TaskFault | undefined

  report(what: string, name: string): void {
    this.fault ??= new TaskFault(
      'late-emit',
      `ctx.${what} was called when ${name} had returned: await what it waits for, or return its promise`,
    )
  }
}
