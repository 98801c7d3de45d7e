const UNITS = ['kB', 'MB', 'GB', 'TB'] as const
const integers = new Intl.NumberFormat('en')
const times = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const days = new Intl.DateTimeFormat('en', { weekday: 'long', day: 'numeric', month: 'long' })
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const DAY_MS = 86_400_000

/** Decimal units, three digits at most, and a space that does not break: `0 B`, `912 kB`, `18.7 MB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)}\u00a0B`
  let value = bytes
  let unit = -1
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 99.95 && unit > 0 ? value.toFixed(1) : Math.round(value)}\u00a0${UNITS[unit]}`
}

export function countText(count: number): string {
  return integers.format(count)
}

/** `1 part`, `64 parts`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}

/** `1.4 ms`, `24 ms`, `1.2 s`, `3 min 5 s`. */
export function durationText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** How long something has waited, without a fraction: `5 minutes`, `3 days`. */
export function waitText(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 60) return plural(minutes, 'minute')
  if (minutes < 60 * 24) return plural(Math.round(minutes / 60), 'hour')
  return plural(Math.round(minutes / (60 * 24)), 'day')
}

export function timeText(at: number): string {
  return times.format(at)
}

/** `Today`, `Yesterday`, else the day in full. */
export function dayText(at: number, now: number): string {
  const distance = startOfDay(now) - startOfDay(at)
  if (distance === 0) return 'Today'
  return distance > 0 && distance <= DAY_MS * 1.1 ? 'Yesterday' : days.format(at)
}

export function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0)
}

/** `2 hours ago`. */
export function agoText(at: number, now: number): string {
  const minutes = Math.round((at - now) / 60_000)
  if (minutes > -1) return 'just now'
  if (minutes > -60) return relative.format(minutes, 'minute')
  if (minutes > -60 * 24) return relative.format(Math.round(minutes / 60), 'hour')
  return relative.format(Math.round(minutes / (60 * 24)), 'day')
}

/** For values, labels and file names made of a person's words. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}
