import { control, fill } from './control.js'
import { showLog } from './log.js'

const $ = (selector) => document.querySelector(selector)

const { targets, sites, people, plans, languages, credentials, tokenInfo } = await control('options')
const form = $('#selection')
const frame = $('#frame')

fill(form.elements.site, Object.fromEntries(Object.entries(sites).map(([id, { name }]) => [id, name])))
fill(form.elements.person, people)
fill(form.elements.plan, { '': 'Free', ...Object.fromEntries(plans.map((plan) => [plan, plan])) })
fill(form.elements.language, languages)
fill(form.elements.credential, credentials)
fill($('#token-info'), tokenInfo)
$('#app').textContent = targets.app

// A reload keeps what was chosen.
for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
  const element = form.elements.namedItem(name)
  if (element) element.value = value
}
// What is no longer on offer leaves a list without a choice.
for (const select of form.querySelectorAll('select')) if (select.selectedIndex === -1) select.selectedIndex = 0

const selection = () => Object.fromEntries(new FormData(form))

function notice(text) {
  $('#notice').textContent = text
  $('#notice').hidden = text === ''
}

function failed(error) {
  notice(`The simulator could not do this: ${error.message}`)
}

let state

/** What stands around the frame. */
function showHost() {
  const { view, site } = selection()
  const { name, instanceId } = sites[site]
  const isSite = view === 'widget'
  $('#host').classList.toggle('site', isSite)
  $('#site-name').hidden = $('.site-text').hidden = !isSite
  $('#site-name').textContent = name
  $('#address').textContent = isSite ? `${name}: a live site` : `${name}: dashboard`
  frame.title = isSite ? 'The widget of your app' : 'The dashboard page of your app'
  if (isSite && targets.widget === undefined) return 'No widget: start the simulator with --widget URL.'
  if (state?.removed.includes(instanceId))
    return 'The app was removed from this site. Does your app still let anyone in?'
  return ''
}

let opened = 0

async function open() {
  const turn = ++opened
  const chosen = selection()
  history.replaceState(null, '', `#${new URLSearchParams(chosen)}`)
  const problem = showHost()
  notice(problem)
  frame.hidden = chosen.view === 'widget' && targets.widget === undefined
  if (frame.hidden) return
  const { id, url, isThere } = await control('open', chosen)
  // Somebody has chosen something else since.
  if (turn !== opened) return
  frame.hidden = !isThere
  if (isThere) {
    frame.src = url
    frame.addEventListener(
      'load',
      run(() => control('loaded', { id, ask: true })),
      { once: true },
    )
  } else notice(`Nothing listens at ${new URL(url).origin}: start your app, then reload.`)
}

const run = (action) => () => void action().catch(failed)

// The choice of the page belongs to the form, and stands outside of it.
$('.stage').addEventListener('change', run(open))
form.addEventListener('submit', (event) => event.preventDefault())
$('#reload').addEventListener('click', run(open))
$('#ask').addEventListener(
  'click',
  run(() => control('ask', selection())),
)
$('#retry').addEventListener(
  'click',
  run(() => control('retry')),
)
$('#clear').addEventListener(
  'click',
  run(() => control('clear')),
)
$('#token-info').addEventListener('change', ({ target }) => run(() => control('token-info', { mode: target.value }))())

const NEEDS = { plugin: 'plugin', payment: 'payments' }
const missing = new Set()
for (const button of document.querySelectorAll('[data-send]')) {
  const action = button.dataset.send
  const option = NEEDS[action] ?? 'webhooks'
  if (targets[option] === undefined) {
    button.disabled = true
    missing.add(`--${option}`)
  }
  button.addEventListener(
    'click',
    run(() => control('send', { ...selection(), action })),
  )
}
if (targets.install === undefined) {
  $('#install').remove()
  missing.add('--install')
} else $('#install').href = targets.install
$('#missing').hidden = missing.size === 0
$('#missing').textContent = `For more, start the simulator with ${[...missing].join(', ')}.`

// The frame asks for access tokens as `fetchWithAuth()` asks Wix's dashboard; this protocol is our own.
addEventListener('message', async ({ source, origin, data }) => {
  const shown = selection().view === 'widget' ? targets.widget : targets.app
  if (source !== frame.contentWindow || origin !== new URL(shown).origin || data?.type !== 'passport-wix-app:token')
    return
  const { id } = data
  try {
    const { token } = await control('token', selection())
    source.postMessage({ type: 'passport-wix-app:token', id, token }, origin)
  } catch (error) {
    source.postMessage({ type: 'passport-wix-app:token', id, error: error.message }, origin)
  }
})

const duration = (minutes) => {
  const hours = Math.floor(minutes / 60)
  return [hours > 0 ? `${hours} h` : '', minutes % 60 > 0 || hours === 0 ? `${minutes % 60} min` : ''].join(' ').trim()
}

function showRetries({ clock, waiting }) {
  $('#retries').textContent =
    waiting.length === 0
      ? 'A webhook that gets no 200 within 1,250 ms is sent again, up to 12 times in two days. None is waiting.'
      : `The retry clock is at ${duration(clock)}.`
  const lines = waiting.map(({ title, attempt, due }) => {
    const line = document.createElement('li')
    line.textContent = `${title}: attempt ${attempt} of 13, in ${duration(due - clock)}`
    return line
  })
  $('#waiting').replaceChildren(...lines)
  $('#retry').disabled = waiting.length === 0
}

const events = new EventSource('/state')
let isLost = false

events.addEventListener('error', () => {
  isLost = true
  notice('The simulator does not answer: is it still running?')
})

// It has started again, and may have other options.
events.addEventListener('open', () => {
  if (isLost) location.reload()
})

events.addEventListener('message', ({ data }) => {
  state = JSON.parse(data)
  showRetries(state)
  $('#token-info').value = state.tokenInfo
  const again = $('[data-send=again]')
  again.disabled = targets.webhooks === undefined || !state.canRepeat
  const news = showLog(state.log)
  if (news) $('#status').textContent = news
})

await open().catch(failed)
