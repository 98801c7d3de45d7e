import { SendHorizontal } from 'lucide-react'
import { useRef } from 'react'
import type { PeerId } from '../../base/index.ts'
import { useNode } from '../hooks.ts'
import { text } from '../text.ts'

/** Offers a file of this device to one person. */
export function SendFileButton({ to, name }: { to: PeerId; name: string }) {
  const { files } = useNode()
  const picker = useRef<HTMLInputElement>(null)
  return (
    <>
      <button
        type="button"
        className="icon-button"
        aria-label={text.transfers.sendTo(name)}
        title={text.transfers.send}
        onClick={() => picker.current?.click()}
      >
        <SendHorizontal aria-hidden="true" />
      </button>
      <input
        ref={picker}
        type="file"
        hidden
        data-role="send-file"
        onChange={(event) => {
          const [file] = event.target.files ?? []
          event.target.value = ''
          if (file) files.send(to, file)
        }}
      />
    </>
  )
}
