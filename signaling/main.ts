#!/usr/bin/env node
import { renderUnicodeCompact } from 'uqr'
import { calledAs, helpText, overlooked, parseCommandLine } from './command-line.ts'
import { SignalingError } from './errors.ts'
import type { SignalingOptions } from './options.ts'
import { createSignalingServer, type SignalingServer } from './server.ts'

/** Two of them: the second does not wait for the drain. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** A terminal sends Ctrl-C to npm and to us, and npm passes its own on: within this time both are one. */
const ONE_PRESS_MS = 500

await main()

async function main(): Promise<void> {
  try {
    const options = parseCommandLine(process.argv.slice(2), process.env)
    if (options === undefined) process.stdout.write(helpText(calledAs(process.argv[1])))
    else await serve(options)
  } catch (error) {
    if (!(error instanceof SignalingError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}

async function serve(options: SignalingOptions): Promise<void> {
  const server = createSignalingServer(options)
  let closingMs: number | undefined
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (closingMs !== undefined) {
        if (performance.now() - closingMs > ONE_PRESS_MS) process.exit(1)
        return
      }
      closingMs = performance.now()
      void server.close(`the server was stopped (${signal})`).then(() => process.exit(0))
    })
  }
  await server.ready
  process.stdout.write(greeting(server, options))
}

function greeting(server: SignalingServer, options: SignalingOptions): string {
  const { url, lanUrl } = server.address
  const lines = [
    ...overlooked(process.argv.slice(2), process.env),
    server.hasPage ? `Tabmesh is at ${url}` : `Signaling is at ${url} (it serves no page)`,
  ]
  if (options.publicUrl !== undefined) lines.push(`Browsers reach it at ${options.publicUrl}`)
  if (options.lan === true && lanUrl === null) lines.push('This machine has no address on a local network.')
  if (lanUrl !== null) lines.push(`On this network: ${lanUrl}`, '', renderUnicodeCompact(lanUrl), '')
  if (lanUrl !== null && options.certFile === undefined) {
    lines.push(
      'Browsers will warn once: the certificate is made by this machine. Continue, or give --cert and --key.',
    )
  }
  return `${lines.join('\n')}\nCtrl-C stops it.\n`
}
