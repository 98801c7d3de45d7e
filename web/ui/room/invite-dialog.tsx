import { Check, Copy, Share2 } from 'lucide-react'
import { useRef, useState } from 'react'
import { Notice } from '../parts/notice.tsx'
import { text } from '../text.ts'
import { QrCode } from './qr-code.tsx'

/** In a dialog: the invite as link with a copy button and QR code, with who can read what. */
export function InviteBody({ invite }: { invite: string }) {
  const [isCopied, setCopied] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(invite)
    } catch {
      // The clipboard is refused: select the link, so that the person's own copy key takes it.
      field.current?.select()
      return
    }
    setCopied(true)
  }
  return (
    <>
      <InviteReach invite={invite} />
      <div className="invite-row">
        <input
          ref={field}
          className="input"
          readOnly
          value={invite}
          aria-label={text.home.inviteLabel}
          onFocus={(event) => event.target.select()}
        />
        <button type="button" className="button button-primary" data-autofocus onClick={() => void copy()}>
          {isCopied ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
          <span>{isCopied ? text.invite.copied : text.invite.copy}</span>
        </button>
        <span role="status" className="visually-hidden">
          {isCopied ? text.invite.copied : ''}
        </span>
      </div>
      {'share' in navigator && (
        <button
          type="button"
          className="button invite-share"
          onClick={() => void navigator.share({ url: invite }).catch(() => undefined)}
        >
          <Share2 aria-hidden="true" /> {text.invite.share}
        </button>
      )}
      <ul className="invite-notes">
        {!isLocal(invite) && <li>{text.invite.network}</li>}
        <li>{text.invite.trust}</li>
      </ul>
    </>
  )
}

/** How another device gets in: by a code to scan, unless the link names this very computer. */
export function InviteReach({ invite }: { invite: string }) {
  if (isLocal(invite)) {
    return (
      <div className="invite-local">
        <Notice kind="warning">{text.invite.local}</Notice>
      </div>
    )
  }
  return (
    <>
      <p>{text.invite.scan}</p>
      <QrCode value={invite} />
    </>
  )
}

function isLocal(invite: string): boolean {
  const { hostname } = new URL(invite)
  return /^(localhost|.+\.localhost|127\..+|\[::1\])$/.test(hostname)
}
