import { type FormEvent, useState } from 'react'
import { visibleName } from '../../base/index.ts'
import { useNode, useSnapshot } from '../hooks.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { useDirectory } from '../people/directory.ts'
import type { Session } from '../session.ts'
import { text } from '../text.ts'

const MAX_LENGTH = 40

/** One's own name; a click changes it, here and for the next rooms. */
export function NameEditor({ session }: { session: Session }) {
  const node = useNode()
  const { id, name } = useSnapshot()
  const person = useDirectory()(id)
  const [isOpen, setOpen] = useState(false)
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const next = visibleName(String(new FormData(event.currentTarget).get('name') ?? ''), MAX_LENGTH)
    if (next !== '' && next !== name) {
      node.rename(next)
      session
        .profile()
        .then((profile) => profile.setName(next))
        .catch(() => {
          // The room knows the name; only the next room will not.
        })
    }
    setOpen(false)
  }
  return (
    <>
      <button type="button" className="name-button" title={text.room.yourName} onClick={() => setOpen(true)}>
        <Avatar person={person} size="small" />
        <span className="name-text">{name}</span>
        <span className="visually-hidden">, {text.room.changeName}</span>
      </button>
      {isOpen && (
        <Dialog title={text.room.yourName} onClose={() => setOpen(false)}>
          <form className="name-form" onSubmit={save}>
            <input
              className="input"
              name="name"
              defaultValue={name}
              maxLength={MAX_LENGTH}
              aria-label={text.room.yourName}
              autoComplete="nickname"
              data-autofocus
              onFocus={(event) => event.target.select()}
            />
            <button type="submit" className="button button-primary">
              {text.room.save}
            </button>
          </form>
        </Dialog>
      )}
    </>
  )
}
