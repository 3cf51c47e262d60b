/**
 * What the simulator tells, for all its tabs by one connection: a browser has six to a host, and the seventh tab would wait for ever.
 * The tab that has the lock listens, and passes it on.
 *
 * @param {(state: object) => void} changed
 * @param {() => void} lost Called when the simulator does not answer. When it is back, the page is loaded again: it may have other options.
 */
export function listen(changed, lost) {
  const channel = new BroadcastChannel('state')
  let latest
  let isLost = false

  const handle = ({ state, isGone }) => {
    if (state) changed((latest = state))
    if (isGone) {
      isLost = true
      lost()
    }
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin, and takes no other
  const post = (message) => channel.postMessage(message)
  const pass = (message) => {
    handle(message)
    post(message)
  }
  const connect = () => {
    const events = new EventSource('/state')
    events.addEventListener('message', ({ data }) => pass({ state: JSON.parse(data) }))
    events.addEventListener('error', () => pass({ isGone: true }))
    events.addEventListener('open', () => {
      if (isLost) location.reload()
    })
    channel.addEventListener('message', ({ data }) => {
      if (data.isNew && latest) post({ state: latest })
    })
    // It keeps the lock until this tab is closed.
    return new Promise(() => {})
  }

  channel.addEventListener('message', ({ data }) => handle(data))
  post({ isNew: true })
  // Only a page of https or of this machine has locks.
  if (navigator.locks) void navigator.locks.request('state', connect)
  else void connect()
}
