/** Milliseconds from one answer to the next question. */
const PAUSE = 2000

// No cookie: each request carries the proof that this page was opened with.
const instance = new URLSearchParams(location.search).get('instance') ?? ''

const list = document.querySelector('#event-list')
const status = document.querySelector('#live')
const template = document.querySelector('#event-line')

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
  if (status.textContent !== text) status.textContent = text
  status.classList.toggle('problem-now', isProblem)
}

let shown

/** @returns Whether to ask again. */
async function refresh() {
  try {
    const response = await fetch('/events', {
      headers: { Authorization: instance },
      credentials: 'omit',
      signal: AbortSignal.timeout(10_000),
    })
    if (response.status === 401 || response.status === 403) {
      say('Signed out: reload this page from Wix', true)
      return false
    }
    if (!response.ok) throw new Error(`Status ${response.status}`)
    const answer = await response.text()
    if (answer !== shown) list.replaceChildren(...JSON.parse(answer).map(element))
    shown = answer
    say('Live', false)
  } catch {
    say('No connection, trying again', true)
  }
  return true
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE))

const visible = () =>
  new Promise((resolve) => {
    if (!document.hidden) return resolve()
    document.addEventListener('visibilitychange', resolve, { once: true })
  })

while (await refresh()) {
  await pause()
  // Nobody is looking: nothing is asked.
  await visible()
}
