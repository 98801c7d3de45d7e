import { useState, useSyncExternalStore } from 'react'
import { isBusy } from '../busy.ts'
import { text } from '../text.ts'
import { type Update, waitingUpdate } from './updates.ts'

/** A quiet line when a new version waits. It never reloads by itself, nor while something runs here. */
export function UpdateBar() {
  const update = useSyncExternalStore(waitingUpdate.subscribe, waitingUpdate.get)
  const busy = useSyncExternalStore(isBusy.subscribe, isBusy.get)
  const [dismissed, setDismissed] = useState<Update>()
  if (update === undefined || update === dismissed) return null
  return (
    <div className="update-bar" role="status">
      <span>{busy ? text.update.busy : text.update.ready}</span>
      <button
        type="button"
        className="button button-small button-primary"
        disabled={busy}
        onClick={update.load}
      >
        {text.update.reload}
      </button>
      <button type="button" className="button button-small" onClick={() => setDismissed(update)}>
        {text.update.later}
      </button>
    </div>
  )
}
