/** Many members in one page: `joinMany` brings them in one after another. */
import { joinRoom } from '../../../web/browser.ts'
import type { MeshNode } from '../../../web/node.ts'

const members: MeshNode[] = []

async function joinMany(count: number, invite: string, signalingUrl: string): Promise<void> {
  for (let joined = 0; joined < count; joined++) {
    members.push(await joinRoom({ room: { invite }, name: `Member ${joined + 1}`, signalingUrl }))
  }
}

/** How many others each member sees. */
function counts(): number[] {
  return members.map((member) => member.peers().length)
}

/** What the room says to members that it will not have. */
function problems(): string[] {
  return members.map((member) => member.getSnapshot().problem?.code ?? '')
}

Object.assign(window, { joinMany, counts, problems })
