import { TabmeshError } from './errors.ts'
import { shown } from './shown.ts'

/** An option of a public call cannot be that. `option` is its name, `value` what was given, in a few words. */
export class OptionError extends TabmeshError<'bad-option'> {
  readonly option: string
  readonly value: string

  /** `rule` goes on after the name: `is at most 5`. */
  constructor(option: string, value: unknown, rule: string, cause?: { cause?: unknown }) {
    const text = shown(value)
    super('bad-option', `${option} ${rule}, not ${text}`, cause)
    this.option = option
    this.value = text
  }
}
