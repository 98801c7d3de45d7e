import { useId } from 'react'
import type { SignalingState } from '../../mesh/index.ts'
import { text } from '../text.ts'

/** Whether newcomers can find us: read out when it changes, explained when pressed. */
export function StatusPill({ signaling }: { signaling: SignalingState }) {
  const id = useId()
  const [label, meaning] = text.signaling[signaling]
  return (
    <>
      <button type="button" className={`pill pill-${signaling}`} popoverTarget={id}>
        <span className="pill-dot" aria-hidden="true" />
        {label}
      </button>
      <span role="status" className="visually-hidden">
        {label}
      </span>
      <div id={id} popover="auto" className="popover">
        <p>
          <strong>{label}.</strong> {meaning}
        </p>
      </div>
    </>
  )
}
