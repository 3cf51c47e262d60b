import { control, fill } from './control.js'

const { appId, sites, credentials } = await control('options')
const asked = new URLSearchParams(location.search)
const form = document.querySelector('#installer')
const problem = document.querySelector('#problem')

fill(form.elements.site, Object.fromEntries(Object.entries(sites).map(([id, { name }]) => [id, name])))
fill(form.elements.credential, credentials)

function refuse(text) {
  problem.textContent = text
  problem.hidden = false
}

const postInstallationUrl = asked.get('postInstallationUrl') ?? ''
document.querySelector('#callback').textContent = postInstallationUrl || '(no postInstallationUrl)'
if (asked.get('appId') !== appId) refuse('The parameter appId is not WIX_APP_ID.')

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  problem.hidden = true
  try {
    const { url } = await control('install', {
      site: form.elements.site.value,
      credential: form.elements.credential.value,
      person: 'owner',
      plan: '',
      language: 'en',
      appId: asked.get('appId'),
      postInstallationUrl,
    })
    location.assign(url)
  } catch {
    refuse('appId must be WIX_APP_ID, and postInstallationUrl an address on the origin of --app or --install.')
  }
})
