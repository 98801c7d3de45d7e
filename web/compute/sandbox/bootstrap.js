// Runs in the sandboxed iframe, whose CSP names the SHA-256 of this exact text. It makes blob Workers, hands each one its
// port, and ends them; what a task says goes from its Worker to the page directly and never passes here.

addEventListener('message', function onBoot(event) {
  const control = event.ports[0]
  if (event.source !== parent || !control) return
  removeEventListener('message', onBoot)
  const guest = event.data
  const workers = new Map()

  function kill(id) {
    const worker = workers.get(id)
    if (!worker) return
    workers.delete(id)
    worker.terminate()
  }

  function start({ worker: id, script }, port) {
    const url = URL.createObjectURL(
      new Blob(['"use strict";', guest, '\n', script], { type: 'text/javascript' }),
    )
    const worker = new Worker(url)
    workers.set(id, worker)
    // A script that does not parse; what is thrown later the guest tells itself.
    worker.onerror = (error) => {
      error.preventDefault()
      control.postMessage({
        verb: 'error',
        worker: id,
        message: error.message ? String(error.message).slice(0, 4000) : '',
        line: Number(error.lineno) || 0,
      })
    }
    // The guest speaks over its port only: whatever comes this way is the task's doing.
    worker.onmessage = worker.onmessageerror = () => {
      kill(id)
      control.postMessage({ verb: 'flood', worker: id })
    }
    worker.postMessage(0, [port])
  }

  control.onmessage = ({ data, ports }) => {
    if (data.verb === 'start') start(data, ports[0])
    else if (data.verb === 'kill') kill(data.worker)
    else if (data.verb === 'ping') control.postMessage({ verb: 'pong' })
  }
})
