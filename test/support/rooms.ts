/** The folders of a layer that are split into rooms: which room imports which, each through its `index.ts` only. */
import { circlesOf } from './circles.ts'

/** By folder: its rooms, and for each those that it may import. The folder's own `index.ts` may import all of them. */
export type RoomTable = ReadonlyMap<string, Readonly<Record<string, readonly string[]>>>

export const ROOMS: RoomTable = new Map([
  [
    'web/mesh',
    {
      transport: [],
      peerjs: ['transport'],
      invite: [],
      placement: [],
      handshake: ['transport', 'invite'],
      link: ['transport', 'handshake'],
      membership: ['handshake'],
      calls: ['transport', 'membership'],
      links: ['transport', 'handshake', 'link', 'membership', 'calls'],
      connect: ['transport', 'handshake', 'membership', 'links'],
      room: ['transport', 'invite', 'handshake', 'link', 'membership', 'calls', 'links', 'connect'],
    },
  ],
])

/** What is wrong with an import inside one layer, by the rooms; undefined when nothing is. */
export function judgeRooms(file: string, target: string): string | undefined {
  for (const folder of ROOMS.keys()) {
    const fault = judgeFolder(folder, file, target)
    if (fault !== undefined) return fault
  }
  return undefined
}

function judgeFolder(folder: string, file: string, target: string): string | undefined {
  const [from, to] = [roomOf(folder, file), roomOf(folder, target)]
  if (to === undefined || from === to) return undefined
  if (from === undefined) {
    return target === `${folder}/index.ts` ? undefined : `${folder} is entered by its index.ts only`
  }
  if (to === '') return `a room of ${folder} imports rooms`
  if (from !== '' && !ROOMS.get(folder)?.[from]?.includes(to)) return `${from} may not import ${to}`
  return target === `${folder}/${to}/index.ts` ? undefined : `${to} is entered by its index.ts only`
}

/** Beside its rooms a folder has an `index.ts` and nothing else. */
export function strayFiles(files: readonly string[]): string[] {
  return files.flatMap((file) =>
    [...ROOMS.keys()].flatMap((folder) => {
      const room = roomOf(folder, file)
      const isPlaced =
        room === undefined || file === `${folder}/index.ts` || room in (ROOMS.get(folder) ?? {})
      return isPlaced ? [] : [`${file}: in no room of ${folder}`]
    }),
  )
}

/** What the table allows and nobody does, or what would let rooms import each other in a circle. */
export function judgeTable(arrows: readonly { readonly file: string; readonly target: string }[]): string[] {
  return [...ROOMS].flatMap(([folder, rooms]) => {
    const used = new Set(
      arrows.map(({ file, target }) => `${roomOf(folder, file)} ${roomOf(folder, target)}`),
    )
    const unused = Object.entries(rooms).flatMap(([room, others]) =>
      others
        .filter((other) => !used.has(`${room} ${other}`))
        .map((other) => `${folder}: ${room} no longer imports ${other}`),
    )
    return [...unused, ...circlesOf(new Map(Object.entries(rooms)))]
  })
}

/** '' for a file of the folder itself; undefined for one outside of it. */
function roomOf(folder: string, file: string): string | undefined {
  if (!file.startsWith(`${folder}/`)) return undefined
  const parts = file.slice(folder.length + 1).split('/')
  return parts.length > 1 ? parts[0] : ''
}
