import { joinRoom } from '../../../web/browser.ts'

// A page of somebody else's with a room in it: `?signaling=` says where the server is, the fragment is an invite's or none.
const signalingUrl = new URLSearchParams(location.search).get('signaling') ?? location.origin
const room = location.hash === '' ? 'new' : { invite: location.href }
const node = await joinRoom({ room, name: 'Embedder', signalingUrl })

const list = document.body.appendChild(document.createElement('ol'))
const show = (line: string) => {
  list.appendChild(document.createElement('li')).textContent = line
}
Object.assign(window, { tabmesh: node })
show(`joined as ${node.name}`)
for await (const message of node.topic('chat.general').subscribe({ history: true })) {
  show(`${message.headers['name']}: ${message.body}`)
}
