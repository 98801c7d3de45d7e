import { isPeerId, type PeerId } from '../../base/index.ts'

/** A reign over a queue. Of two, the one with the higher number holds, then the one whose owner's id is higher. */
export interface Epoch {
  readonly number: number
  readonly owner: PeerId
}

export function compareEpochs(a: Epoch, b: Epoch): number {
  if (a.number !== b.number) return a.number - b.number
  return a.owner === b.owner ? 0 : a.owner < b.owner ? -1 : 1
}

/** Where a queue's owner is. */
export interface Reign {
  readonly owner: PeerId
  readonly epoch: Epoch
}

export function isSameReign(a: Reign | undefined, b: Reign | undefined): boolean {
  return a !== undefined && b !== undefined && a.owner === b.owner && compareEpochs(a.epoch, b.epoch) === 0
}

export function epochToWire({ number, owner }: Epoch): readonly [number, string] {
  return [number, owner]
}

/** Beyond it a number is no count of owners but an attack on those to come. */
const MAX_NUMBER = 2 ** 40

export function readEpoch(value: unknown): Epoch | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined
  const [number, owner] = value as readonly unknown[]
  if (!Number.isSafeInteger(number) || (number as number) < 0 || (number as number) > MAX_NUMBER)
    return undefined
  return isPeerId(owner) ? { number: number as number, owner } : undefined
}
