import type { PeerId } from '../../base/index.ts'

/** What a file says of itself. From a peer: checked and bounded, never believed. */
export interface FileInfo {
  /** 1 to 255 characters, no path, no control characters. */
  readonly name: string
  readonly size: number
  /** A MIME type, or '' where none is known. */
  readonly type: string
  /** By its sender's wall clock; 0 where none is known. */
  readonly lastModified: number
}

/**
 * `offered`: nobody has accepted it yet. `moving`: its bytes are on their way. `waiting`: the other side is away; it goes on
 * by itself. `stopped`: the sender no longer has the file at hand; offered again, it goes on from there. `checking`: all bytes
 * are there and are compared. `done`, `declined`, `cancelled`, `failed`: over.
 */
export type TransferState =
  | 'offered'
  | 'moving'
  | 'waiting'
  | 'stopped'
  | 'checking'
  | 'done'
  | 'declined'
  | 'cancelled'
  | 'failed'

export interface TransferSnapshot {
  readonly state: TransferState
  /** Bytes that are on the receiver's disk. */
  readonly bytes: number
  /** Over the last seconds; 0 unless it is moving. */
  readonly bytesPerSecond: number
  /** Why it stands still or has ended, in words for a person. */
  readonly reason: string | undefined
}

/** One file on its way between this node and one peer. */
export interface FileTransfer {
  readonly id: string
  readonly direction: 'in' | 'out'
  readonly peer: PeerId
  readonly file: FileInfo
  /** The same object until something changes. */
  getSnapshot(): TransferSnapshot
  subscribe(listener: () => void): () => void
  /**
   * Resolves when the receiver has all of it on disk, compared with what was sent. Rejects with a MessagingError `declined`,
   * `cancelled`, `damaged`, `quota`, `store` or `closed`.
   */
  readonly done: Promise<void>
  /** Takes an incoming offer; the bytes begin to come. Nothing in other states. */
  accept(): void
  /** Refuses an incoming offer. Nothing in other states. */
  decline(): void
  /** Ends it on both sides; what has come of it is deleted. */
  cancel(): void
  /** An incoming one that is done: its bytes, checked once more as they are read. Rejects with `damaged` or `store`. */
  blob(signal?: AbortSignal): Promise<Blob>
  /** Forgets one that is over or stopped, with what it left on this disk. */
  remove(): Promise<void>
}

/** A file that its sender's tab gives to any member who asks, as long as the tab is open. */
export interface SharedFile extends FileInfo {
  readonly id: string
}

/** Files of any size between members: streamed from disk to disk, never wholly in memory. */
export interface Files {
  /** In the order in which they began; the same array until one comes or goes. */
  list(): readonly FileTransfer[]
  subscribe(listener: () => void): () => void
  /** Offers a file to a member; `name` where the file has none. Throws an OptionError. */
  send(
    to: PeerId,
    file: Blob,
    options?: { readonly name?: string; readonly signal?: AbortSignal },
  ): FileTransfer
  /** Lets every member fetch it. Throws an OptionError. */
  share(file: Blob, options?: { readonly name?: string }): SharedFile
  /** Takes what a member shares; one that was begun before goes on. Throws an OptionError. */
  fetch(from: PeerId, file: SharedFile): FileTransfer
}
