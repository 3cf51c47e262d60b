import { html, type Html } from './html.ts'

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** The time since then, in words: the server does not know the time zone of the reader. */
export function ago(time: number): string {
  const seconds = (Date.now() - time) / 1000
  if (seconds < MINUTE) return 'just now'
  if (seconds < HOUR) return relative.format(-Math.floor(seconds / MINUTE), 'minute')
  if (seconds < DAY) return relative.format(-Math.floor(seconds / HOUR), 'hour')
  return relative.format(-Math.floor(seconds / DAY), 'day')
}

export function timeAgo(time: number): Html {
  const date = new Date(time).toISOString()
  return html`<time datetime="${date}" title="${date}">${ago(time)}</time>`
}

/** `3 h 59 min` */
export function duration(seconds: number): string {
  const hours = Math.floor(seconds / HOUR)
  const minutes = Math.floor((seconds % HOUR) / MINUTE)
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min` : 'less than a minute'
}
