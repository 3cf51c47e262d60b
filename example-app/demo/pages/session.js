// The instance is for signing in, so it is sent to /session only. It is removed from the URL, where others could read it, and stays
// in the memory of this page, as the session token does.
//
// A page that is built with the SDK of Wix signs in with `httpClient.fetchWithAuth('/session', { method: 'POST' })` in place of
// the instance. The dashboard around it renews those access tokens, so it never needs a reload.
const address = new URL(location.href)
const instance = address.searchParams.get('instance') ?? ''
/** The language of the browser or of the site, as Wix says it. Not signed, as everything in the URL but the instance. */
export const locale = address.searchParams.get('locale') ?? navigator.language
address.searchParams.delete('instance')
history.replaceState(history.state, '', address)

let token
let signingIn

/** Without a cookie: each request is authenticated by `Authorization`. */
async function send(path, authorization, { method = 'GET', body } = {}) {
  return fetch(path, {
    method,
    headers: {
      Authorization: authorization,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    credentials: 'omit',
    signal: AbortSignal.timeout(10_000),
  })
}

async function check(response) {
  if (response.ok) return response
  const wait = Number(response.headers.get('Retry-After')) * 1000
  // A proxy may answer with something else than JSON.
  const { code, message = `Status ${response.status}` } = await response.json().catch(() => ({}))
  throw Object.assign(new Error(message), { status: response.status, code, wait })
}

/** Exchanges a credential, which is an instance or an access token, for a session token. */
export async function signIn(credential = instance) {
  const response = await check(await send('/session', credential, { method: 'POST' }))
  token = (await response.json()).token
}

// Calls that wait for a token share one exchange.
const signedIn = () => (signingIn ??= signIn().finally(() => (signingIn = undefined)))

/** Calls the API. A token that it rejects is replaced once. */
export async function api(path, init) {
  const call = () => send(`/api/${path}`, `Bearer ${token}`, init)
  const isFirst = token === undefined
  if (isFirst) await signedIn()
  const used = token
  const response = await call()
  if (response.status !== 401 || isFirst) return check(response)
  // Another call may have brought a new one meanwhile.
  if (token === used) await signedIn()
  return check(await call())
}

export const get = async (path) => (await api(path)).json()

/** An element. Its content is only ever text: nothing that a person or Wix has sent becomes markup. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}
