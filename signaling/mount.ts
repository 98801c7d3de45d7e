import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { endUpgrade } from './end-upgrade.ts'

/** A server that somebody else has made, and ends. */
export type HostServer = HttpServer | HttpsServer

export interface Mounted {
  request(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/**
 * What is asked for below `path` goes to `mounted`; everything else goes to the listeners that `server` has at this moment,
 * as before. (engine.io attaches itself in the same way.) Returns what undoes it.
 */
export function mountBelow(path: string, server: HostServer, mounted: Mounted): () => void {
  const undoRequests = takeOver(server, 'request', (others) => (request, response) => {
    if (isBelow(path, request)) mounted.request(request, response)
    else others(request, response)
  })
  const undoUpgrades = takeOver(server, 'upgrade', (others, count) => (request, socket, head) => {
    if (isBelow(path, request)) mounted.upgrade(request, socket, head)
    else if (count > 0) others(request, socket, head)
    else endUpgrade(socket, '400 Bad Request')
  })
  return () => {
    undoRequests()
    undoUpgrades()
  }
}

interface Events {
  request: [IncomingMessage, ServerResponse]
  upgrade: [IncomingMessage, Duplex, Buffer]
}

type Listener<Name extends keyof Events> = (...args: Events[Name]) => void

function takeOver<Name extends keyof Events>(
  server: HostServer,
  event: Name,
  wrap: (others: Listener<Name>, count: number) => Listener<Name>,
): () => void {
  const others = server.listeners(event) as Listener<Name>[]
  const listener = wrap((...args) => {
    for (const other of others) other.apply(server, args)
  }, others.length)
  server.removeAllListeners(event)
  server.on(event, listener as never)
  return () => {
    server.off(event, listener as never)
    for (const other of others) server.on(event, other as never)
  }
}

function isBelow(path: string, request: IncomingMessage): boolean {
  return (request.url ?? '').startsWith(path)
}
