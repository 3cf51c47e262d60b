// In place of `httpClient` of Wix's SDK, which works in the dashboard of Wix alone: the protocol of the simulator, which
// docs/simulator.md describes. The parameter is not signed: never ship this file.
const simulator = new URLSearchParams(location.search).get('simulator')

export const isSimulated = simulator !== null

/** What `fetchWithAuth()` sends: an access token, from the page around this one. */
export function accessToken() {
  const id = crypto.randomUUID()
  return new Promise((resolve, reject) => {
    addEventListener('message', function answer({ source, origin, data }) {
      if (source !== parent || origin !== simulator || data.id !== id) return
      removeEventListener('message', answer)
      if (data.error) reject(new Error(data.error))
      else resolve(data.token)
    })
    parent.postMessage({ type: 'passport-wix-app:token', id }, simulator)
  })
}
