/** Why a connection or a frame was not served. */
export const REFUSALS = [
  'origin',
  'host',
  'path',
  'parameters',
  'id',
  'token',
  'key',
  'taken',
  'full',
  'keyFull',
  'address',
  'malformed',
  'binary',
  'rate',
  'slow',
  'unread',
  'silent',
  'protocol',
  'crowd',
] as const
export type Refusal = (typeof REFUSALS)[number]

/** Values that are read when somebody asks. */
export interface Gauges {
  readonly peers: number
  readonly keys: number
  readonly pendingMessages: number
  readonly pendingBytes: number
}

/** Counters since the start, in Prometheus's text form on request. */
export class Metrics {
  connections = 0
  reattached = 0
  relayed = 0
  relayedBytes = 0
  queued = 0
  expired = 0
  requests = 0
  readonly #refused = new Map<Refusal, number>(REFUSALS.map((reason) => [reason, 0]))

  refuse(reason: Refusal): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1)
  }

  refused(reason: Refusal): number {
    return this.#refused.get(reason) ?? 0
  }

  /** Exposition format 0.0.4. */
  render(gauges: Gauges): string {
    const { user, system } = process.cpuUsage()
    const lines = [
      ...metric('peers', 'gauge', 'Registered peers', gauges.peers),
      ...metric('keys', 'gauge', 'Keys with at least one peer', gauges.keys),
      ...metric('pending_messages', 'gauge', 'Messages that wait for absent peers', gauges.pendingMessages),
      ...metric('pending_bytes', 'gauge', 'Bytes that wait for absent peers', gauges.pendingBytes),
      ...metric('connections_total', 'counter', 'WebSocket connections opened', this.connections),
      ...metric('reattached_total', 'counter', 'Peers that came back on a new connection', this.reattached),
      ...metric('relayed_total', 'counter', 'Messages relayed', this.relayed),
      ...metric('relayed_bytes_total', 'counter', 'Bytes relayed', this.relayedBytes),
      ...metric('queued_total', 'counter', 'Messages kept for absent peers', this.queued),
      ...metric('expired_total', 'counter', 'EXPIRE frames sent', this.expired),
      ...metric('http_requests_total', 'counter', 'HTTP requests', this.requests),
      ...heading('refused_total', 'counter', 'Connections and frames refused, by reason'),
      ...REFUSALS.map(
        (reason) => `tabmesh_signaling_refused_total{reason="${reason}"} ${this.refused(reason)}`,
      ),
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
      '# TYPE process_cpu_seconds_total counter',
      `process_cpu_seconds_total ${(user + system) / 1e6}`,
    ]
    return `${lines.join('\n')}\n`
  }
}

function heading(name: string, type: 'gauge' | 'counter', help: string): string[] {
  return [`# HELP tabmesh_signaling_${name} ${help}`, `# TYPE tabmesh_signaling_${name} ${type}`]
}

function metric(name: string, type: 'gauge' | 'counter', help: string, value: number): string[] {
  return [...heading(name, type, help), `tabmesh_signaling_${name} ${value}`]
}
