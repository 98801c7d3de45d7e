export { createPeerJsTransport } from './peerjs.ts'
