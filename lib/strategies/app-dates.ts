const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** The form that Wix sends, as of `toISOString()`. */
const UTC_DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

const digit = (date: string, at: number): number => date.charCodeAt(at) - 48
const two = (date: string, at: number): number => digit(date, at) * 10 + digit(date, at + 1)

/** What `Date.parse` says of a {@link UTC_DATE}, in half of its time: two dates are a tenth of the work for an instance. */
const parseUtc = (date: string): number =>
  Date.UTC(
    two(date, 0) * 100 + two(date, 2),
    two(date, 5) - 1,
    two(date, 8),
    two(date, 11),
    two(date, 14),
    two(date, 17),
    two(date, 20) * 10 + digit(date, 22),
  )

/** Milliseconds since 1970 of a date in ISO 8601; NaN for anything else. */
export function timeOf(date: unknown): number {
  if (typeof date !== 'string') return NaN
  // Date.UTC takes the years before 100 for others.
  if (UTC_DATE.test(date) && !date.startsWith('00')) return parseUtc(date)
  return ISO_DATE.test(date) ? Date.parse(date) : NaN
}
