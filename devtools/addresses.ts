/** The number of a port as it is written, from 1 to 65535; else NaN. */
export const portOf = (typed: string): number =>
  /^\d{1,5}$/.test(typed) && Number(typed) > 0 && Number(typed) < 65_536 ? Number(typed) : NaN

/**
 * The address that a person means: `3000` (or `:3000`) is a port of this machine, `3000/x` and `localhost:3000/x` are pages on it, and `/x` is a page of
 * the app. Anything else stays as it is, and is checked where it is used.
 *
 * @param app The app's dashboard page.
 */
export function addressOf(typed: string, app: string): string {
  const port = /^:?(\d{1,5})(\/.*)?$/s.exec(typed)
  if (port !== null) return `http://localhost:${port[1]}${port[2] ?? new URL(app).pathname}`
  if (/^(?:localhost|127(?:\.\d+){3}|\[::1\])(?:[:/]|$)/i.test(typed)) return `http://${typed}`
  // Two slashes would name another host.
  return /^\/(?!\/)/.test(typed) ? new URL(app).origin + typed : typed
}
