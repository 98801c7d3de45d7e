import { createSocket } from 'node:dgram'
import { createServer, get, type Server } from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net'

const OWN = '/a-contact-of-our-own'

/** Servers on this machine that nothing should ever reach; each contact is a line in `hits`. */
export interface Canaries {
  readonly http: string
  readonly tcpPort: number
  readonly udpPort: number
  readonly hits: string[]
  /** The hits so far, with those on their way: a contact of our own comes after them, and does not count. */
  strangers(): Promise<string[]>
  close(): Promise<void>
}

export async function startCanaries(): Promise<Canaries> {
  const hits: string[] = []
  const http = createServer((request, response) => {
    hits.push(`http ${request.method} ${request.url}`)
    response
      .writeHead(200, { 'access-control-allow-origin': '*', 'content-type': 'text/javascript' })
      .end('0')
  })
  http.on('connection', () => hits.push('http connection'))
  const tcp = createTcpServer((socket) => {
    hits.push('tcp connection')
    socket.destroy()
  })
  const udp = createSocket('udp4')
  udp.on('message', (message) => hits.push(`udp ${message.byteLength} bytes`))
  const [httpPort, tcpPort] = [await listen(http), await listen(tcp)]
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve))
  return {
    http: `http://127.0.0.1:${httpPort}`,
    tcpPort,
    udpPort: udp.address().port,
    hits,
    async strangers() {
      await Promise.all([
        new Promise((resolve) =>
          get(`http://127.0.0.1:${httpPort}${OWN}`, { agent: false }, (response) =>
            response.resume().on('end', resolve),
          ),
        ),
        new Promise((resolve) => connect(tcpPort, '127.0.0.1').resume().on('close', resolve)),
        new Promise<void>((resolve) => {
          const onMessage = (message: Buffer) => {
            if (message.toString() !== OWN) return
            udp.off('message', onMessage)
            resolve()
          }
          udp.on('message', onMessage).send(OWN, udp.address().port, '127.0.0.1')
        }),
      ])
      for (const own of ['http connection', `http GET ${OWN}`, 'tcp connection', `udp ${OWN.length} bytes`])
        hits.splice(hits.indexOf(own), 1)
      return hits
    },
    async close() {
      http.closeAllConnections()
      udp.close()
      await Promise.all([http, tcp].map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

async function listen(server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
