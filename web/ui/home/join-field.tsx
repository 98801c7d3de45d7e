import { type FormEvent, useId, useState } from 'react'
import { MAX_INVITE_TEXT_CHARACTERS } from '../../base/index.ts'
import { text } from '../text.ts'

/** A part of an invite's code at least: whether it is one is found out where it is joined. */
const CODE_LIKE = /[a-z2-7]{20,}/i

/** What the address has behind its `#`; undefined where no invite can be in it. */
export function inviteHash(value: string): string | undefined {
  if (!CODE_LIKE.test(value.replace(/\s/g, ''))) return undefined
  return encodeURIComponent(value.trim().slice(0, MAX_INVITE_TEXT_CHARACTERS).toWellFormed())
}

/** Takes an invite link, its code, or a message with either, and goes there. */
export function JoinField({ isMain = false }: { isMain?: boolean }) {
  const [value, setValue] = useState('')
  const [isWrong, setWrong] = useState(false)
  const id = useId()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const hash = inviteHash(value)
    if (hash === undefined) return setWrong(true)
    location.hash = hash
  }
  return (
    <form className="join-field" onSubmit={submit} noValidate>
      <label htmlFor={id}>{text.home.join}</label>
      <div className="join-row">
        <input
          id={id}
          className="input"
          type="text"
          inputMode="url"
          spellCheck={false}
          autoComplete="off"
          placeholder={text.home.inviteHint}
          value={value}
          aria-invalid={isWrong}
          aria-describedby={isWrong ? `${id}-error` : undefined}
          onChange={(event) => {
            setValue(event.target.value)
            setWrong(false)
          }}
        />
        <button type="submit" className={isMain ? 'button button-primary' : 'button'}>
          {text.home.joinButton}
        </button>
      </div>
      {isWrong && (
        <p id={`${id}-error`} className="field-error" role="alert">
          {text.home.notAnInvite}
        </p>
      )}
    </form>
  )
}
