import { useState, useSyncExternalStore } from 'react'
import { isBusy } from '../busy.ts'
import { text } from '../text.ts'
import { waitingUpdate } from './service-worker.ts'

/** A quiet line when a new version waits. It never reloads by itself, nor while something runs here. */
export function UpdateBar() {
  const update = useSyncExternalStore(waitingUpdate.subscribe, waitingUpdate.get)
  const busy = useSyncExternalStore(isBusy.subscribe, isBusy.get)
  const [isDismissed, setDismissed] = useState(false)
  if (update === undefined || isDismissed) return null
  return (
    <div className="update-bar" role="status">
      <span>{busy ? text.update.busy : text.update.ready}</span>
      <button type="button" className="button button-small button-primary" disabled={busy} onClick={update}>
        {text.update.reload}
      </button>
      <button type="button" className="button button-small" onClick={() => setDismissed(true)}>
        {text.update.later}
      </button>
    </div>
  )
}
