/** Makes functions callable from the harness by name: the last line of every page module. */
export function serve(functions: Readonly<Record<string, (...args: never[]) => unknown>>): void {
  const known = new Map(Object.entries(functions))
  Object.assign(globalThis, {
    benchCall: async (name: string, args: readonly unknown[]) => {
      const called = known.get(name)
      if (!called) throw new Error(`the page serves no ${name}`)
      return await called(...(args as never[]))
    },
  })
}
