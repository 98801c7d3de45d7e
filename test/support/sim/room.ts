import {
  createRoom,
  deriveRoom,
  type MemberProfile,
  type Room,
  type RoomKeys,
  type RoomOptions,
} from '../../../web/mesh/index.ts'
import type { SimTab } from './simulation.ts'

/** The room secret of simulations. */
export const SIM_ROOM_SECRET = new Uint8Array(32).fill(7)

export interface SimRoomOptions {
  readonly profile?: Partial<MemberProfile>
  readonly secret?: Uint8Array
  readonly maxMembers?: number
  readonly prepare?: RoomOptions['prepare']
}

/** The tab joins the simulation's room under the name `tab<n>`. Drive it with `simulation.settle`. */
export async function joinRoom(tab: SimTab, options: SimRoomOptions = {}): Promise<Room> {
  const { clock, random } = tab
  const room: RoomKeys = await deriveRoom(tab.crypto, options.secret ?? SIM_ROOM_SECRET)
  const profile = { name: `tab${tab.index}`, capacity: 1, slots: 1, isHidden: false, ...options.profile }
  const { crypto, identity, deviceId } = tab
  const base = {
    transport: tab.transport(room.roomId),
    crypto,
    identity,
    deviceId,
    clock,
    random,
    room,
    profile,
  }
  return createRoom({
    ...base,
    ...(options.maxMembers === undefined ? {} : { maxMembers: options.maxMembers }),
    ...(options.prepare ? { prepare: options.prepare } : {}),
  })
}
