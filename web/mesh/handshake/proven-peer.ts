import type { DeviceId, PeerId, SessionId } from '../../base/index.ts'

/** What the handshake has proven, or been told by the proven peer, of the other side. */
export interface ProvenPeer {
  readonly peerId: PeerId
  readonly sessionId: SessionId
  readonly deviceId: DeviceId
}
