import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, test } from 'vitest'
import { InviteReach } from '../../../web/ui/room/invite-dialog.tsx'
import { text } from '../../../web/ui/text.ts'

const shown = (invite: string) => renderToStaticMarkup(createElement(InviteReach, { invite }))

describe('how an invite reaches another device', () => {
  test.each(['https://192.168.1.20:9443/#abc', 'https://mesh.example/#abc'])(
    '%s: a code to scan',
    (invite) => {
      const page = shown(invite)
      expect(page).toContain(text.invite.qr)
      expect(page).toContain(text.invite.scan)
      // Four modules of white, then the first finder's corner.
      expect(page).toContain('d="M4 4h1v1h-1z')
    },
  )

  test.each(['http://localhost:9000/#abc', 'http://127.0.0.1:9000/#abc', 'http://[::1]:9000/#abc'])(
    '%s: no code, but how to invite others',
    (invite) => {
      const page = shown(invite)
      expect(page).toContain(text.invite.local)
      expect(page).not.toContain('<svg class="qr"')
    },
  )
})
