import { control, element, fill } from './control.js'

const $ = (selector) => document.querySelector(selector)

/** The option of the simulator that each button needs. */
const NEEDS = { plugin: 'plugin', payment: 'payments' }
const PURPOSES = {
  webhooks: 'events',
  plugin: 'the service plugin',
  tools: 'the tools of your app',
  payments: 'payments',
  install: 'an install from your website',
}

const OTHER = 'other'

/**
 * The panel: what Wix sends.
 *
 * @param {object} options What the simulator offers.
 * @param {() => object} selection
 * @param {(action: () => Promise<unknown>) => () => void} run Makes a handler that shows what fails.
 */
export function showPanel({ targets, events }, selection, run) {
  const select = $('#event')
  const editor = $('#editor')

  for (const button of document.querySelectorAll('[data-send]')) {
    const action = button.dataset.send
    const option = NEEDS[action] ?? 'webhooks'
    // What cannot be sent is in the list below, with the option that it needs.
    button.hidden = !targets[option]
    button.addEventListener(
      'click',
      run(() => control('send', { ...selection(), action })),
    )
  }
  if (targets.install) $('#install').href = targets.install
  else $('#install').remove()
  $('#on-site').hidden = !targets.webhooks && !targets.install

  const missing = Object.entries(PURPOSES).filter(([option]) => !targets[option])
  $('#missing').hidden = missing.length === 0
  for (const [option, purpose] of missing) {
    const line = element('li', '')
    line.append(element('code', `--${option}`), ` for ${purpose}`)
    $('#missing ul').append(line)
  }

  const offered = Object.entries(events).filter(([, { target }]) => targets[target])
  fill(select, {
    ...Object.fromEntries(offered.map(([name, { title }]) => [name, title])),
    ...(targets.webhooks && { [OTHER]: 'Any other event' }),
  })
  for (const control of [select, $('#send'), $('#edit')]) control.hidden = select.options.length === 0
  // Then that list is all that there is to say, and nothing can come again.
  if (select.options.length === 0) {
    $('#clicks').hidden = true
    $('#status').after($('#missing'))
  }
  $('#retries').closest('section').hidden = !targets.webhooks
  const isOrder = offered.some(([name]) => name === 'order_created')
  if (isOrder) select.value = 'order_created'

  const adjust = () => {
    $('#send').disabled = select.value === '' || select.value === OTHER
    $('#edit').disabled = select.value !== OTHER && !events[select.value]?.data
  }
  select.addEventListener('change', adjust)
  adjust()

  const trigger = (event, data) => {
    const { site, person, plan, language, credential } = selection()
    return control('trigger', {
      event,
      ...(data && { data }),
      site,
      person,
      plan: plan || null,
      language,
      flaw: credential,
    })
  }
  $('#send').addEventListener(
    'click',
    run(() => trigger(select.value)),
  )

  $('#edit').addEventListener(
    'click',
    run(async () => {
      const isOther = select.value === OTHER
      // The example names the site and the person that are chosen.
      const { title, type, data } = isOther
        ? { title: 'Any other event', type: '', data: {} }
        : (await control('options', selection())).events[select.value]
      $('#editor-title').textContent = title
      $('#type-label').hidden = type === null
      $('#type').value = type ?? ''
      $('#type').readOnly = !isOther
      $('#data').value = JSON.stringify(data, null, 2)
      $('#wrong').hidden = true
      editor.showModal()
    }),
  )
  $('#cancel').addEventListener('click', () => editor.close())
  $('#send-edited').addEventListener('click', async () => {
    try {
      const data = JSON.parse($('#data').value)
      await trigger(select.value === OTHER ? $('#type').value.trim() : select.value, data)
      editor.close()
    } catch (error) {
      // Without the name of the function that a program would have called.
      $('#wrong').textContent = error.message.replace(/^simulator\.trigger: (?:option )?/, '')
      $('#wrong').hidden = false
    }
  })

  $('#retry').addEventListener(
    'click',
    run(() => control('retry')),
  )
}

const duration = (minutes) => {
  const hours = Math.floor(minutes / 60)
  return [hours > 0 ? `${hours} h` : '', minutes % 60 > 0 || hours === 0 ? `${minutes % 60} min` : ''].join(' ').trim()
}

export function showRetries({ clock, waiting, givenUp }) {
  const none = 'None is waiting. A webhook without a 200 within 1,250 ms comes again.'
  $('#retries').textContent = waiting.length === 0 ? none : `The retry clock is at ${duration(clock)}.`
  $('#waiting').replaceChildren(
    ...waiting.map(({ title, attempt, due }) =>
      element('li', `${title}: attempt ${attempt} of 13, in ${duration(due - clock)}`),
    ),
    ...givenUp.map((title) => element('li', `${title}: given up after 13 attempts`, 'given-up')),
  )
  $('#retry').disabled = waiting.length === 0
}
