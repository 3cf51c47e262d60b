/** Milliseconds from one answer to the next question. */
const PAUSE = 2000
const LONGEST_PAUSE = 60_000

// Inside Wix, `httpClient.fetchWithAuth()` of @wix/essentials gets an access token from the dashboard around this page, and
// sends it as below. This page has no such dashboard around it: where the app runs without Wix, the server writes a token
// into the page; otherwise the page sends the instance that it was opened with, which the API takes as well.
const accessToken = document.querySelector('meta[name="access-token"]')?.content
const proof = accessToken ?? new URLSearchParams(location.search).get('instance') ?? ''

const me = document.querySelector('#me')
const list = document.querySelector('#event-list')
const live = document.querySelector('#live')
const template = document.querySelector('#event-line')

/** Asks the API. No cookie: each request carries the proof. */
async function ask(path) {
  const response = await fetch(`/api/${path}`, {
    headers: { Authorization: proof },
    credentials: 'omit',
    signal: AbortSignal.timeout(10_000),
  })
  if (response.ok) return response.text()
  const wait = Number(response.headers.get('Retry-After')) * 1000
  throw Object.assign(new Error(`Status ${response.status}`), { status: response.status, wait })
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
    if (status === 401 || status === 403) return say('Signed out: reload this page from Wix', true)
    // 503: nobody could tell whose the proof is. It may be as good as before.
    say(status === 503 ? 'No answer from Wix, trying again' : 'No connection, trying again', true)
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
