/** A bar with its words beside it. `value` is 0 to 1; undefined while the end is unknown. */
export function Progress({
  label,
  value,
  words,
}: {
  label: string
  value: number | undefined
  words: string
}) {
  return (
    <div className="progress">
      <div
        className="progress-track"
        role="progressbar"
        aria-label={label}
        aria-valuetext={words}
        {...(value === undefined
          ? {}
          : { 'aria-valuenow': Math.round(value * 100), 'aria-valuemin': 0, 'aria-valuemax': 100 })}
      >
        <div
          className={value === undefined ? 'progress-bar is-endless' : 'progress-bar'}
          style={{ transform: `scaleX(${value ?? 1})` }}
        />
      </div>
      <p className="progress-words">{words}</p>
    </div>
  )
}
