/**
 * Stands in for `webrtc-adapter`, which PeerJS brings and asks only for the browser's name: 48 kB that mend the media of
 * browsers older than any that run Tabmesh, and that would change the embedder's own RTCPeerConnection.
 */
// biome-ignore lint/style/noDefaultExport: PeerJS asks for the default.
export default { browserDetails: { browser: '', version: 0 } }
