/** The sandbox guest (`compute/sandbox/guest.ts`) as one minified script. */
declare module 'virtual:guest' {
  const source: string
  export default source
}

/** `sha256-...` of the exact text of `compute/sandbox/bootstrap.js`, as the page's CSP lists it. */
declare module 'virtual:sandbox-bootstrap-hash' {
  const hash: string
  export default hash
}
