/**
 * What a page imports: `joinRoom` gives the one object through which everything goes.
 * @module tabmesh
 */
import bootstrapHash from 'virtual:sandbox-bootstrap-hash'
import { isRoomId, OptionError, option, type RoomId, TabmeshError, visibleName } from './base/index.ts'
import { createBrowserClock } from './browser-clock.ts'
import { browserCrypto, browserRandom } from './browser-crypto.ts'
import { followPage } from './browser-page.ts'
import { fetchServerConfig, type ServerConfig } from './browser-server.ts'
import { createSandboxFactory } from './compute/sandbox/host.ts'
import { createPeerJsTransport } from './mesh/peerjs/index.ts'
import {
  createNode,
  createRoomSecret,
  derivePeerId,
  deriveRoom,
  type Invite,
  InviteError,
  MAX_SLOTS,
  type MeshNode,
  NODE_TABLES,
  readInvite,
} from './node.ts'
import { openIndexedDbStore } from './storage/indexeddb.ts'
import { openProfileStore, type ProfileStore, type Slot } from './storage/profile.ts'

export * from './node.ts'

/** `link`: of `insecure`, the https address of the same page, where the server names one; of `other-server`, the invite. */
export class BrowserError extends TabmeshError<
  | 'unknown-room'
  | 'bad-invite'
  | 'other-server'
  | 'origin-refused'
  | 'storage-refused'
  | 'insecure'
  | 'unsupported'
> {
  readonly link: string | undefined

  constructor(
    code: BrowserError['code'],
    message: string,
    options: { cause?: unknown; link?: string | undefined } = {},
  ) {
    super(code, message, options.cause === undefined ? undefined : { cause: options.cause })
    this.link = options.link
  }
}

/** What a page with a Content-Security-Policy lists in `script-src`, in single quotes, so that jobs can run in it. */
export const SANDBOX_SCRIPT_HASH: string = bootstrapHash

/** A room that this browser profile has been in. */
export interface KnownRoom {
  readonly roomId: RoomId
  /** Wall clock of the last visit. */
  readonly lastOpenedAt: number
  /** Given by the person on this device; empty until then. */
  readonly label: string
}

export interface JoinOptions {
  /**
   * An invite's URL, also within a message; `new` to make a room; or the id of a known room. Rejects with a BrowserError
   * `unknown-room`, `bad-invite`, or `other-server` where the URL is of neither this page nor its server.
   */
  readonly room: { readonly invite: string } | { readonly id: string } | 'new'
  /** Remembered for this profile. Default: the remembered one, else a generated one. */
  readonly name?: string
  /** Where the signaling server is, also relative to the page; default: the page's own origin. A path that the server's `/config` names is added. */
  readonly signalingUrl?: string
  /** STUN and TURN servers. Default: what the server's `/config` names, else none. */
  readonly iceServers?: readonly RTCIceServer[]
  readonly slots?: number
  readonly signal?: AbortSignal
}

/** What a browser profile remembers, shared by its tabs. */
export interface Profile {
  name(): Promise<string>
  setName(name: string): Promise<void>
  /** Latest first. */
  rooms(): Promise<readonly KnownRoom[]>
  labelRoom(roomId: RoomId, label: string): Promise<void>
  /** Deletes the room's secret and every slot's store; other tabs in it close with reason `forgotten`. */
  forgetRoom(roomId: RoomId): Promise<void>
  /** Called when another tab or a room that is opened has changed the list. */
  onRooms(listener: () => void): () => void
}

/** Rejects with a BrowserError: `insecure` (plain http elsewhere than localhost), `storage-refused`, `unsupported`. */
export async function openProfile(): Promise<Profile> {
  await assertSecure(() => fetchServerConfig(new URL('.', location.href), undefined))
  const store = await openedProfile()
  return {
    name: () => store.name(),
    setName: (name) => store.setName(option.visibleName('name', name)),
    rooms: () => store.rooms(),
    labelRoom: (roomId, label) => store.labelRoom(roomId, visibleName(label)),
    forgetRoom: (roomId) => store.forgetRoom(roomId),
    onRooms: (listener) => store.onRooms(listener),
  }
}

/**
 * Claims a slot, opens its store and joins. Resolves to the node; rejects with a BrowserError: `unknown-room`,
 * `bad-invite`, `other-server`, `origin-refused` (the server of another origin does not let this page in; the message is the server's and names
 * the flag), `storage-refused` (IndexedDB will not open), `insecure` (plain http elsewhere than localhost),
 * `unsupported` (no WebRTC, or no Ed25519); with an OptionError; or with `signal.reason`.
 */
export async function joinRoom(options: JoinOptions): Promise<MeshNode> {
  checkJoinOptions(options)
  const signalingUrl = new URL(
    `${(options.signalingUrl ?? location.origin).replace(/\/$/, '')}/`,
    location.href,
  )
  const config = fetchServerConfig(signalingUrl, options.signal)
  await assertSupported(config)
  assertAdmitted(signalingUrl, await config)
  const profile = await openedProfile()
  try {
    const secret = await secretFor(options.room, profile, async (addresses) =>
      areOwn(addresses, signalingUrl, await config),
    )
    const { roomId } = await deriveRoom(browserCrypto, secret)
    await profile.rememberRoom(roomId, secret)
    const slot = await profile.claimSlot(roomId, options.signal ? { signal: options.signal } : {})
    return await openNode({ options, signalingUrl, config: await config, profile, secret, roomId, slot })
  } catch (error) {
    await profile.close()
    throw asBrowserError(error)
  }
}

function checkJoinOptions(options: JoinOptions): void {
  if (options === undefined) throw new OptionError('joinRoom', options, 'takes its options as one object')
  option.names('joinRoom', options, ['room', 'name', 'signalingUrl', 'iceServers', 'slots', 'signal'])
  const { room, name, signalingUrl, iceServers, slots, signal } = options
  if (room !== 'new') {
    const { invite, id } = option.names<{ invite?: string; id?: string }>('room', room as object, [
      'invite',
      'id',
    ])
    if ((typeof invite === 'string') === (typeof id === 'string'))
      throw new OptionError('room', room, 'is "new", { invite } with a link or { id } of a known room')
  }
  if (name !== undefined) option.visibleName('name', name)
  if (signalingUrl !== undefined && !isWebAddress(signalingUrl))
    throw new OptionError(
      'signalingUrl',
      signalingUrl,
      'is an http or https URL, or a path of the page like /tabmesh/',
    )
  if (iceServers !== undefined && !Array.isArray(iceServers))
    throw new OptionError('iceServers', iceServers, 'is an array of servers')
  if (slots !== undefined) option.count('slots', slots, { least: 1, most: MAX_SLOTS })
  option.signal('signal', signal)
}

/** Absolute, or relative to the page: `/tabmesh/`. */
function isWebAddress(text: unknown): boolean {
  return (
    typeof text === 'string' &&
    /^(https?:\/\/|\.{0,2}\/)/i.test(text) &&
    URL.canParse(text, 'http://localhost')
  )
}

const LOOPBACK = /\/\/(localhost|127\.0\.0\.1|\[::1\])(?=:|$)/

interface Opening {
  readonly options: JoinOptions
  readonly signalingUrl: URL
  readonly config: ServerConfig
  readonly profile: ProfileStore
  readonly secret: Uint8Array
  readonly roomId: RoomId
  readonly slot: Slot
}

async function openNode({
  options,
  signalingUrl,
  config,
  profile,
  secret,
  roomId,
  slot,
}: Opening): Promise<MeshNode> {
  const ended = new AbortController()
  try {
    const store = await openIndexedDbStore(slot.storeName, NODE_TABLES)
    const clock = createBrowserClock(ended.signal)
    const peerId = await derivePeerId(browserCrypto, slot.identity.publicKey)
    const iceServers = options.iceServers ?? config.iceServers
    const transport = createPeerJsTransport({
      signalingUrl: protocolUrl(signalingUrl, config),
      key: roomId,
      peerId,
      token: slot.token,
      iceServers,
      clock,
      random: browserRandom,
    })
    const node = await createNode({
      roomSecret: secret,
      identity: slot.identity,
      deviceId: profile.deviceId,
      name: options.name ?? (await profile.name()),
      inviteBase: inviteBase(config),
      slots: options.slots ?? Math.max(1, (navigator.hardwareConcurrency || 2) - 1),
      onImport: askToPersist,
      onRename: (name) => void profile.setName(name).catch(keepName),
      ports: {
        transport,
        store,
        crypto: browserCrypto,
        clock,
        random: browserRandom,
        sandboxes: createSandboxFactory({ document }),
      },
      ...(options.signal ? { signal: options.signal } : {}),
    })
    if (options.name !== undefined) await profile.setName(node.name).catch(keepName)
    const stopFollowing = followPage(node, transport)
    void node.closed.then(async () => {
      stopFollowing()
      ended.abort()
      slot.release()
      await profile.close()
    })
    return node
  } catch (error) {
    ended.abort()
    slot.release()
    throw error
  }
}

/** Asked once there is something to lose, and not waited for: some browsers ask the person, some never answer. */
function askToPersist(): void {
  navigator.storage?.persist?.().catch(() => {
    // Refused: what is stored here may be evicted, and the room's other copies stand in.
  })
}

/** A name that is not remembered is a name for this visit. */
function keepName(): void {}

async function secretFor(
  room: JoinOptions['room'],
  profile: ProfileStore,
  isOurs: (addresses: readonly string[]) => Promise<boolean>,
): Promise<Uint8Array> {
  if (room === 'new') return createRoomSecret(browserRandom)
  if ('invite' in room) return secretOfOurs(readInvite(room.invite), isOurs)
  const known = isRoomId(room.id) ? await profile.secretOf(room.id) : undefined
  if (!known)
    throw new BrowserError(
      'unknown-room',
      'This room is not known on this device. Open the invite again, the whole link.',
    )
  return known
}

async function secretOfOurs(
  { secret, code, addresses }: Invite,
  isOurs: (addresses: readonly string[]) => Promise<boolean>,
): Promise<Uint8Array> {
  const [address] = addresses
  if (address === undefined || (await isOurs(addresses))) return secret
  const where = URL.canParse(address) ? new URL(address).host : address
  throw new BrowserError('other-server', `This invite is for ${where}, not for this page. Open it there.`, {
    link: `${address}#${code}`,
  })
}

/** One server goes by several names: the page's, the one that is asked, and those that its configuration names. */
function areOwn(
  addresses: readonly string[],
  signalingUrl: URL,
  { lanUrl, publicUrl }: ServerConfig,
): boolean {
  const own = [location.href, signalingUrl.href, lanUrl, publicUrl].filter((url) => url !== undefined)
  const origins = own.map(originOf)
  return addresses.some((address) => !URL.canParse(address) || origins.includes(originOf(address)))
}

/** The names of this machine are one. */
function originOf(url: string): string {
  const { origin } = new URL(url)
  return origin.replace(LOOPBACK, '//localhost')
}

/** Where the protocol is, below the server's address. */
function protocolUrl(server: URL, { path }: ServerConfig): string {
  return server.pathname.endsWith(path) ? server.href : new URL(`.${path}`, server).href
}

/** On a page that is served to this machine only, an invite names the address that others can open. */
function inviteBase({ lanUrl, publicUrl }: ServerConfig): string {
  const own = location.origin + location.pathname
  if (!LOOPBACK.test(location.origin)) return own
  return publicUrl ?? (lanUrl === undefined ? own : new URL(location.pathname, lanUrl).href)
}

/** The server is asked only where its answer is needed. */
async function assertSecure(config: () => Promise<ServerConfig>): Promise<void> {
  if (isSecureContext) return
  const { lanUrl } = await config()
  const link = lanUrl === undefined ? undefined : new URL(location.pathname + location.hash, lanUrl).href
  const where = link ?? `https on ${location.hostname}`
  throw new BrowserError(
    'insecure',
    `Browsers give keys and storage only to https pages. Open ${where} instead.`,
    { link },
  )
}

async function assertSupported(config: Promise<ServerConfig>): Promise<void> {
  await assertSecure(() => config)
  if (typeof RTCPeerConnection === 'undefined') {
    throw new BrowserError(
      'unsupported',
      'This browser has no WebRTC, or it is switched off. Use a current Chrome, Edge or Firefox.',
    )
  }
}

/** The page of the server itself opens all the same: what it keeps here works, and it shows what the server says. */
function assertAdmitted(server: URL, { refusal }: ServerConfig): void {
  if (refusal === undefined || server.origin === location.origin) return
  throw new BrowserError('origin-refused', refusal)
}

async function openedProfile(): Promise<ProfileStore> {
  try {
    return await openProfileStore()
  } catch (error) {
    throw asBrowserError(error)
  }
}

function asBrowserError(error: unknown): unknown {
  if (error instanceof InviteError) return new BrowserError('bad-invite', error.message, { cause: error })
  if (!(error instanceof TabmeshError)) return error
  if (error.code === 'unsupported') return new BrowserError('unsupported', error.message, { cause: error })
  if (error.code !== 'unavailable') return error
  const message =
    'This browser refuses to store data for this page. Leave private browsing, or allow site data, then try again.'
  return new BrowserError('storage-refused', message, { cause: error })
}
