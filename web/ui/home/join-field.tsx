import { type FormEvent, useId, useState } from 'react'
import { text } from '../text.ts'

/** Takes an invite link and goes there. */
export function JoinField({ isMain = false }: { isMain?: boolean }) {
  const [value, setValue] = useState('')
  const [isWrong, setWrong] = useState(false)
  const id = useId()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const code = /#([\w-]{20,})\s*$/.exec(value)?.[1]
    if (code === undefined) return setWrong(true)
    location.hash = code
  }
  return (
    <form className="join-field" onSubmit={submit} noValidate>
      <label htmlFor={id}>{text.home.join}</label>
      <div className="join-row">
        <input
          id={id}
          className="input"
          type="url"
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
