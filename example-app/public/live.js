/** Milliseconds from one answer to the next question. */
const PAUSE = 2000
const LONGEST_PAUSE = 60_000

// The proof is for signing in, so it goes to /session alone. It leaves the address, where others could read it, and stays in the
// memory of this page, as the session token does.
//
// A page that is built with the SDK of Wix signs in with `httpClient.fetchWithAuth('/session', { method: 'POST' })` in place of
// the instance. The dashboard around it renews those proofs, so it never asks for a reload.
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

/** No cookie: each request says in `Authorization` who is asking. */
const send = (path, authorization, method) =>
  fetch(path, {
    method,
    headers: { Authorization: authorization },
    credentials: 'omit',
    signal: AbortSignal.timeout(10_000),
  })

function check(response) {
  if (response.ok) return response
  const wait = Number(response.headers.get('Retry-After')) * 1000
  throw Object.assign(new Error(`Status ${response.status}`), { status: response.status, wait })
}

/** Trades the proof for a session token. */
async function signIn() {
  const response = check(await send('/session', instance, 'POST'))
  token = (await response.json()).token
}

/** Asks the API. A token that it refuses is replaced once. */
async function ask(path) {
  for (let isFirst = token !== undefined; ; isFirst = false) {
    if (!isFirst) await signIn()
    const response = await send(`/api/${path}`, `Bearer ${token}`, 'GET')
    if (response.status !== 401 || !isFirst) return check(response).text()
  }
}

/** Text only: what an event says never becomes markup. */
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

function showSignedOut() {
  signedIn.textContent = 'Signed out'
  signedIn.classList.add('problem-now')
  say('Signed out: reload this page from Wix', true)
}

let shown

function showEvents(answer) {
  if (answer !== shown) list.replaceChildren(...JSON.parse(answer).map(element))
  shown = answer
}

/** @returns The milliseconds after which to ask again; nothing when that is of no use. */
async function refresh() {
  try {
    if (me.textContent === '') showMe(JSON.parse(await ask('me')))
    showEvents(await ask('events'))
    say('Live', false)
  } catch ({ status, wait }) {
    if (status === 401 || status === 403) return showSignedOut()
    // It is no refusal: the token may be as good as before.
    say('No answer, trying again', true)
    if (wait > PAUSE) return Math.min(wait, LONGEST_PAUSE)
  }
  return PAUSE
}

const after = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const visible = () =>
  new Promise((resolve) => {
    if (!document.hidden) return resolve()
    document.addEventListener('visibilitychange', resolve, { once: true })
  })

for (let pause = await refresh(); pause !== undefined; pause = await refresh()) {
  await after(pause)
  // Nobody is looking: nothing is asked.
  await visible()
}
