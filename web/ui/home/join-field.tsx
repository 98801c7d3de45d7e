import { type FormEvent, useId, useState } from 'react'
import { text } from '../text.ts'

/** More than any message that has an invite in it. */
const MAX_CHARACTERS = 4_096
/** A part of an invite's code at least: whether it is one is found out where it is joined. */
const CODE_LIKE = /[a-z2-7]{20,}/i

/** Takes an invite link, its code, or a message with either, and goes there. */
export function JoinField({ isMain = false }: { isMain?: boolean }) {
  const [value, setValue] = useState('')
  const [isWrong, setWrong] = useState(false)
  const id = useId()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!CODE_LIKE.test(value.replace(/\s/g, ''))) return setWrong(true)
    location.hash = encodeURIComponent(value.trim().slice(0, MAX_CHARACTERS))
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
