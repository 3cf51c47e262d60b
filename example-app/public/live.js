/** Milliseconds between two requests. */
const INTERVAL = 2000
const LONGEST_INTERVAL = 60_000

// The instance is for signing in, so it is sent to /session only. It is removed from the URL, where others could read it, and stays
// in the memory of this page, as the session token does.
//
// A page that is built with the SDK of Wix signs in with `httpClient.fetchWithAuth('/session', { method: 'POST' })` in place of
// the instance. The dashboard around it renews those access tokens, so it never needs a reload.
const address = new URL(location.href)
const instance = address.searchParams.get('instance') ?? ''
address.searchParams.delete('instance')
history.replaceState(history.state, '', address)

let token

const me = document.querySelector('#me')
const list = document.querySelector('#event-list')
const live = document.querySelector('#live')
const signedIn = document.querySelector('#signed-in')
const template = document.querySelector('#event-line')

/** Without a cookie: each request is authenticated by `Authorization`. */
const send = (path, authorization, method) =>
  fetch(path, {
    method,
    headers: { Authorization: authorization },
    credentials: 'omit',
    signal: AbortSignal.timeout(10_000),
  })

async function check(response) {
  if (response.ok) return response
  const wait = Number(response.headers.get('Retry-After')) * 1000
  // A proxy may answer with something else than JSON.
  const { code } = await response.json().catch(() => ({}))
  throw Object.assign(new Error(`Status ${response.status}`), { status: response.status, code, wait })
}

/** Exchanges the instance for a session token. */
async function signIn() {
  const response = await check(await send('/session', instance, 'POST'))
  token = (await response.json()).token
}

/** Calls the API. A token that it rejects is replaced once. */
async function ask(path) {
  for (let isFirst = token !== undefined; ; isFirst = false) {
    if (!isFirst) await signIn()
    const response = await send(`/api/${path}`, `Bearer ${token}`, 'GET')
    if (response.status !== 401 || !isFirst) return (await check(response)).text()
  }
}

/** Text only: the content of an event never becomes markup. */
function element(event) {
  const line = template.content.cloneNode(true)
  for (const part of line.querySelectorAll('[data-is]')) part.textContent = event[part.dataset.is]
  const time = line.querySelector('time')
  time.dateTime = event.time
  time.title = event.time
  return line
}

function say(text, isProblem) {
  if (live.textContent !== text) live.textContent = text
  live.classList.toggle('problem-now', isProblem)
}

function showMe({ identity, account }) {
  me.textContent = account.role
  document.querySelector('#my-id').textContent = identity.subjectId
}

function showSignedOut(code) {
  const isRemoved = code === 'app_removed'
  signedIn.textContent = isRemoved ? 'The app was removed from this site' : 'Signed out'
  signedIn.classList.add('problem-now')
  say(isRemoved ? 'Signed out: install the app again on Wix' : 'Signed out: reload this page from Wix', true)
}

let shown

function showEvents(answer) {
  if (answer !== shown) list.replaceChildren(...JSON.parse(answer).map(element))
  shown = answer
}

/** @returns Milliseconds until the next request; nothing when the user is signed out. */
async function refresh() {
  try {
    if (me.textContent === '') showMe(JSON.parse(await ask('me')))
    showEvents(await ask('events'))
    say('Live', false)
  } catch ({ status, code, wait }) {
    if (status === 401 || status === 403) return showSignedOut(code)
    // An outage says nothing about the token.
    say('No answer, trying again', true)
    if (wait > INTERVAL) return Math.min(wait, LONGEST_INTERVAL)
  }
  return INTERVAL
}

const after = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const visible = () =>
  new Promise((resolve) => {
    if (!document.hidden) return resolve()
    document.addEventListener('visibilitychange', resolve, { once: true })
  })

for (let wait = await refresh(); wait !== undefined; wait = await refresh()) {
  await after(wait)
  // No requests while the page is hidden.
  await visible()
}
