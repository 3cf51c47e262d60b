/** Calls the simulator; throws when it refuses. */
export async function control(command, sent = {}) {
  const response = await fetch(`/${command}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(sent),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.message)
  return answer
}

/** @param options Names by value. */
export function fill(select, options) {
  select.replaceChildren(...Object.entries(options).map(([value, name]) => new Option(name, value)))
}

/** @returns An element with this text. */
export function element(name, text, className = '') {
  const made = document.createElement(name)
  made.textContent = text
  made.className = className
  return made
}

/** A button that shows something and hides it again; a reload keeps it. */
export function toggle(button, target, className) {
  const key = button.id
  const show = (isShown) => {
    button.setAttribute('aria-expanded', String(isShown))
    target.classList.toggle(className, isShown)
  }
  show((localStorage.getItem(key) ?? button.getAttribute('aria-expanded')) === 'true')
  button.addEventListener('click', () => {
    const isShown = button.getAttribute('aria-expanded') !== 'true'
    localStorage.setItem(key, String(isShown))
    show(isShown)
  })
}
