// A bare RTCDataChannel between two pages, for those that the bench's own server cannot reach: handed to the pages as text.
window.rawPair = {
  async offer() {
    const peer = new RTCPeerConnection()
    this.channel = peer.createDataChannel('raw')
    this.peer = peer
    await peer.setLocalDescription(await peer.createOffer())
    await this.gathered(peer)
    return JSON.stringify(peer.localDescription)
  },
  async answer(offer) {
    const peer = new RTCPeerConnection()
    this.peer = peer
    let received = 0
    let expected = 0
    peer.ondatachannel = ({ channel }) => {
      channel.binaryType = 'arraybuffer'
      channel.onmessage = ({ data }) => {
        if (typeof data === 'string') {
          expected = Number(data)
          received = 0
        } else received += data.byteLength
        if (received >= expected && typeof data !== 'string') channel.send('all here')
      }
    }
    await peer.setRemoteDescription(JSON.parse(offer))
    await peer.setLocalDescription(await peer.createAnswer())
    await this.gathered(peer)
    return JSON.stringify(peer.localDescription)
  },
  async accept(answer) {
    await this.peer.setRemoteDescription(JSON.parse(answer))
    if (this.channel.readyState !== 'open')
      await new Promise((resolve) => {
        this.channel.onopen = resolve
      })
  },
  /** Bytes a second, until the other side says that all has come. */
  async bulk(totalBytes, messageBytes) {
    const { channel } = this
    const message = new Uint8Array(messageBytes)
    channel.bufferedAmountLowThreshold = 4 * messageBytes
    const done = new Promise((resolve) => {
      channel.onmessage = resolve
    })
    const startedMs = performance.now()
    channel.send(String(totalBytes))
    for (let sent = 0; sent < totalBytes; sent += messageBytes) {
      if (channel.bufferedAmount > 16 * messageBytes)
        await new Promise((resolve) => {
          channel.onbufferedamountlow = resolve
        })
      channel.send(message)
    }
    await done
    return totalBytes / ((performance.now() - startedMs) / 1000)
  },
  gathered(peer) {
    if (peer.iceGatheringState === 'complete') return undefined
    return new Promise((resolve) => {
      peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve()
    })
  },
}
