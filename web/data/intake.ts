import type { Room } from '../mesh/index.ts'
import type { Intake } from './context.ts'

/** Keeps the room told, by the capacity in this node's profile, whether it takes shards. */
export class RoomIntake implements Intake {
  readonly #room: Room
  readonly #capacity: number
  #isWanted: boolean
  isFull = false

  constructor(room: Room, isWanted: boolean) {
    this.#room = room
    this.#capacity = room.self.capacity > 0 ? room.self.capacity : 1
    this.#isWanted = isWanted
    this.#tell()
  }

  get isOpen(): boolean {
    return this.#isWanted && !this.isFull
  }

  /** The person's switch. Switching on gives a full disk another try. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted
    if (isWanted) this.isFull = false
    this.#tell()
  }

  refuse(): void {
    this.isFull = true
    this.#tell()
  }

  /** There is space again: a dataset has been dropped. */
  reopen(): void {
    this.isFull = false
    this.#tell()
  }

  #tell(): void {
    const capacity = this.isOpen ? this.#capacity : 0
    if (this.#room.self.capacity !== capacity) this.#room.updateProfile({ capacity })
  }
}
