import { execFileSync } from 'node:child_process'

/** Runs `start` and tells which processes of ours it has left running. */
export async function withNewProcesses<T>(start: () => Promise<T>): Promise<{ made: T; pids: number[] }> {
  const before = new Set(childPids())
  const made = await start()
  return { made, pids: childPids().filter((pid) => !before.has(pid)) }
}

/** Direct children of this process. */
function childPids(): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' }).trim().split('\n')
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, command]) => Number(parent) === process.pid && command !== 'ps')
    .map(([pid]) => Number(pid))
}
