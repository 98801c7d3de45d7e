import { OptionError, option } from './base/index.ts'
import type { MeshNode, NodeOptions } from './node-shape.ts'

const SECRET_BYTES = 32
/** Attempts that one device may offer to run at once. */
export const MAX_SLOTS = 1024

/** With the name made fit to be shown. Throws an OptionError. */
export function checkNodeOptions(options: NodeOptions): NodeOptions {
  option.names('createNode', options, [
    'roomSecret',
    'identity',
    'deviceId',
    'name',
    'inviteBase',
    'ports',
    'slots',
    'holdsData',
    'takesWork',
    'destinations',
    'onRename',
    'onImport',
    'signal',
  ])
  const { roomSecret, inviteBase, slots, destinations } = options
  if (!(roomSecret instanceof Uint8Array) || roomSecret.byteLength !== SECRET_BYTES)
    throw new OptionError('roomSecret', roomSecret, `is a Uint8Array of ${SECRET_BYTES} bytes`)
  if (typeof inviteBase !== 'string' || !URL.canParse(inviteBase))
    throw new OptionError('inviteBase', inviteBase, 'is an absolute URL')
  if (destinations !== undefined && !Array.isArray(destinations))
    throw new OptionError('destinations', destinations, 'is an array of patterns with their settings')
  checkProfile(slots === undefined ? {} : { slots })
  checkSwitches(options)
  option.callback('onRename', options.onRename)
  option.callback('onImport', options.onImport)
  option.signal('signal', options.signal)
  return { ...options, name: option.visibleName('name', options.name) }
}

/** Throws an OptionError. */
export function checkSwitches({ holdsData, takesWork }: Parameters<MeshNode['configure']>[0]): void {
  if (holdsData !== undefined) option.boolean('holdsData', holdsData)
  if (takesWork !== undefined) option.boolean('takesWork', takesWork)
}

/** Throws an OptionError. */
export function checkProfile({ isHidden, slots }: Parameters<MeshNode['updateProfile']>[0]): void {
  if (isHidden !== undefined) option.boolean('isHidden', isHidden)
  if (slots !== undefined) option.count('slots', slots, { least: 1, most: MAX_SLOTS })
}
