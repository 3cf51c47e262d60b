import { control, fill, toggle } from './control.js'
import { showLog } from './log.js'
import { showPanel, showRetries } from './send.js'
import { listen } from './stream.js'

const $ = (selector) => document.querySelector(selector)

const options = await control('options')
const { targets, sites, people, plans, languages, credentials, tokenInfo } = options
const form = $('#selection')
const frame = $('#frame')

fill(form.elements.site, Object.fromEntries(Object.entries(sites).map(([id, { name }]) => [id, name])))
fill(form.elements.person, people)
fill(form.elements.plan, { '': 'Free', ...Object.fromEntries(plans.map((plan) => [plan, plan])) })
fill(form.elements.language, languages)
fill(form.elements.credential, credentials)
fill($('#token-info'), tokenInfo)
$('#app').title = targets.app

// A reload keeps what was chosen.
for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
  const field = form.elements.namedItem(name)
  if (field) field.value = value
}
// What is no longer on offer leaves a list without a choice.
for (const select of form.querySelectorAll('select')) if (select.selectedIndex === -1) select.selectedIndex = 0

const selection = () => Object.fromEntries(new FormData(form))

function notice(text) {
  $('#notice').textContent = text
  $('#notice').hidden = text === ''
}

const run = (action) => () =>
  void action().catch((error) => notice(`The simulator could not do this: ${error.message}`))

let state

/** Whether the app was removed from the site that is chosen. */
const isRemoved = () => state?.removed.includes(sites[selection().site].instanceId) === true

/** What stands around the frame. */
function showHost() {
  const { view, site } = selection()
  const { name } = sites[site]
  const isSite = view === 'widget'
  $('#host').classList.toggle('site', isSite)
  $('#site-name').hidden = $('.site-text').hidden = !isSite
  $('#site-name').textContent = name
  frame.title = isSite ? 'The widget of your app' : 'The dashboard page of your app'
  // A narrow window hides the form.
  const texts = [...form.querySelectorAll('select')].map((one) => one.selectedOptions[0].text)
  // The end of the line may be cut off: a flaw stands in front.
  if (form.elements.credential.selectedIndex > 0) texts.unshift(texts.pop())
  $('#choices').textContent = texts.join(' · ')
  if (isSite && !targets.widget) return 'No widget: start the simulator with --widget URL.'
  return isRemoved() ? 'The app was removed from this site. Does your app still let anyone in?' : ''
}

let opened = 0
/** Milliseconds. */
const PATIENCE = 10_000

/** Shows the page in the frame. Only the newest call does: somebody may choose faster than the app can be asked. */
async function open() {
  const turn = ++opened
  const chosen = selection()
  history.replaceState(null, '', `#${new URLSearchParams(chosen)}`)
  notice(showHost())
  frame.hidden = chosen.view === 'widget' && !targets.widget
  if (frame.hidden) return
  const { id, url, isThere } = await control('open', chosen)
  // Its row has an end all the same.
  const tell = (isLate = false) => run(() => control('loaded', { id, ask: $('#once-more').checked, isLate }))()
  if (turn !== opened) return tell()
  frame.hidden = !isThere
  if (!isThere)
    return notice(
      `Nothing listens at ${new URL(url).origin}. Start your app, or give the simulator the address at which it listens: the frame follows by itself.`,
    )
  frame.src = url
  // A page that is never answered never loads.
  const timer = setTimeout(() => tell(true), PATIENCE)
  frame.addEventListener(
    'load',
    () => {
      clearTimeout(timer)
      tell()
    },
    { once: true },
  )
}

// The choice of the page belongs to the form, and stands outside of it.
$('.bar').addEventListener('change', run(open))
form.addEventListener('submit', (event) => event.preventDefault())
$('#reload').addEventListener('click', run(open))
$('#ask').addEventListener(
  'click',
  run(() => control('ask', selection())),
)
$('#clear').addEventListener(
  'click',
  run(() => control('clear')),
)
$('#token-info').addEventListener('change', ({ target }) => run(() => control('token-info', { mode: target.value }))())
$('#once-more').checked = localStorage.getItem('once-more') !== 'false'
$('#once-more').addEventListener('change', ({ target }) => localStorage.setItem('once-more', String(target.checked)))
toggle($('#panel-toggle'), document.body, 'with-panel')
toggle($('#log-toggle'), document.body, 'with-log')
toggle($('#choices'), document.body, 'with-choices')
showPanel(options, selection, run)

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

const APP = { up: 'Connected', down: 'Not running', unknown: 'Not asked yet' }

function showApp({ app, lastStatus }) {
  $('#app').dataset.app = app
  $('#app b').textContent = APP[app]
  $('#app span').textContent = lastStatus === null ? new URL(targets.app).host : `last answer ${lastStatus}`
}

listen(
  (news) => {
    const hasComeBack = state?.app === 'down' && news.app === 'up'
    const wasRemoved = isRemoved()
    state = news
    // A frame that is hidden has another notice.
    if (isRemoved() !== wasRemoved && !frame.hidden) notice(showHost())
    showApp(state)
    showRetries(state)
    showLog(state.log)
    $('#token-info').value = state.tokenInfo
    $('[data-send=again]').disabled = !state.canRepeat
    if (hasComeBack) run(open)()
  },
  () => {
    notice('The simulator does not answer: is it still running?')
    $('#app').dataset.app = 'unknown'
    $('#app b').textContent = 'No simulator'
    $('#app span').textContent = ''
  },
)

run(open)()
