import type { PeerId } from '../base/index.ts'
import { CREDIT_PER_SLOT, STRAGGLER_MS } from './limits.ts'

/** A task as the scheduler sees it. Reduce tasks have no holders: every peer is as good as another. */
export interface SchedulableTask {
  readonly index: number
  readonly isWaiting: boolean
  /** Live members with the task's shard; undefined for a reduce task. */
  readonly holders: readonly PeerId[] | undefined
  /** Peers that failed it. */
  readonly failedOn: ReadonlySet<PeerId>
  readonly running: readonly { readonly peer: PeerId; readonly startedMs: number }[]
}

/** A peer that may be given attempts of this job. */
export interface SchedulablePeer {
  readonly peerId: PeerId
  readonly slots: number
  readonly isHidden: boolean
  /** Attempts of this job that it has. */
  readonly outstanding: number
}

export interface Assignment {
  readonly index: number
  readonly peer: PeerId
  readonly locality: 'local' | 'moved'
  readonly isClone: boolean
}

export interface SchedulerClock {
  readonly nowMs: number
  /** Of the committed attempts of this stage; undefined before the first. */
  readonly medianMs: number | undefined
}

/**
 * Which attempts to start now. Decides only; the same input gives the same answer.
 *
 * - A map task with a live holder that may work runs on a holder, unless that holder failed it; it waits for one with a
 *   free place rather than move. Holders that failed it come after every other peer.
 * - Of those that may, the one with the least load for its slots comes first; hidden peers come last.
 * - Tasks with the fewest holders choose first.
 * - With no task waiting, a straggler gets one clone on another peer: on a holder, for a map task.
 */
export function assign(
  tasks: readonly SchedulableTask[],
  peers: readonly SchedulablePeer[],
  clock: SchedulerClock,
): Assignment[] {
  const load = new Map(peers.map((peer) => [peer.peerId, peer.outstanding]))
  const waiting = tasks.filter((task) => task.isWaiting)
  const ordered = waiting.sort(
    (a, b) => (a.holders?.length ?? 0) - (b.holders?.length ?? 0) || a.index - b.index,
  )
  const assignments: Assignment[] = []
  // One attempt for each slot before the second, so that the last tasks spread over idle peers.
  for (const credit of range(CREDIT_PER_SLOT)) {
    for (const task of ordered) {
      if (!peers.some((peer) => loadOf(peer, load) < peer.slots * credit)) break
      if (assignments.some((one) => one.index === task.index)) continue
      const choice = choose(task, peers, load, credit)
      if (choice) assignments.push(take(choice, task, load, false))
    }
  }
  return waiting.length === 0 ? cloneStragglers(tasks, peers, load, clock) : assignments
}

/** The peers that may run the task now, best group only, and where its bytes will be. Empty when nobody may. */
export function candidatesOf(
  task: SchedulableTask,
  peers: readonly SchedulablePeer[],
): Pick<Choice, 'locality'> & { peers: readonly SchedulablePeer[] } {
  const { holders, failedOn } = task
  const isHolder = (peer: SchedulablePeer) => holders === undefined || holders.includes(peer.peerId)
  const isFresh = (peer: SchedulablePeer) => !failedOn.has(peer.peerId)
  if (holders?.length === 0) return { peers: [], locality: 'moved' }
  for (const fresh of [true, false]) {
    for (const held of [true, false]) {
      const found = peers.filter((peer) => isFresh(peer) === fresh && isHolder(peer) === held)
      if (found.length > 0) return { peers: found, locality: held ? 'local' : 'moved' }
    }
  }
  return { peers: [], locality: 'moved' }
}

interface Choice {
  readonly peer: SchedulablePeer
  readonly locality: 'local' | 'moved'
}

function choose(
  task: SchedulableTask,
  peers: readonly SchedulablePeer[],
  load: ReadonlyMap<PeerId, number>,
  credit: number,
): Choice | undefined {
  const { peers: candidates, locality } = candidatesOf(task, peers)
  const free = candidates.filter((peer) => loadOf(peer, load) < peer.slots * credit)
  const [best] = free.sort((a, b) => compare(a, b, load))
  return best && { peer: best, locality }
}

function compare(a: SchedulablePeer, b: SchedulablePeer, load: ReadonlyMap<PeerId, number>): number {
  if (a.isHidden !== b.isHidden) return a.isHidden ? 1 : -1
  const difference = loadOf(a, load) / a.slots - loadOf(b, load) / b.slots
  if (difference !== 0) return difference
  return a.peerId < b.peerId ? -1 : 1
}

function cloneStragglers(
  tasks: readonly SchedulableTask[],
  peers: readonly SchedulablePeer[],
  load: Map<PeerId, number>,
  { nowMs, medianMs }: SchedulerClock,
): Assignment[] {
  if (medianMs === undefined) return []
  const running = tasks.filter((task) => task.running.length > 0)
  const limitMs = Math.max(STRAGGLER_MS, 2 * medianMs)
  let allowed =
    Math.max(1, Math.floor(running.length / 10)) - running.filter((task) => task.running.length > 1).length
  const clones: Assignment[] = []
  for (const task of running) {
    const [only, second] = task.running
    if (allowed <= 0 || !only || second || nowMs - only.startedMs <= limitMs) continue
    const others = peers.filter((peer) => peer.peerId !== only.peer && !task.failedOn.has(peer.peerId))
    const holders = others.filter((peer) => task.holders?.includes(peer.peerId) ?? true)
    const choice = holders.filter((peer) => loadOf(peer, load) === 0).sort((a, b) => compare(a, b, load))[0]
    if (!choice) continue
    clones.push(take({ peer: choice, locality: 'local' }, task, load, true))
    allowed--
  }
  return clones
}

function take(
  { peer, locality }: Choice,
  task: SchedulableTask,
  load: Map<PeerId, number>,
  isClone: boolean,
): Assignment {
  load.set(peer.peerId, loadOf(peer, load) + 1)
  return { index: task.index, peer: peer.peerId, locality, isClone }
}

function loadOf(peer: SchedulablePeer, load: ReadonlyMap<PeerId, number>): number {
  return load.get(peer.peerId) ?? 0
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}
