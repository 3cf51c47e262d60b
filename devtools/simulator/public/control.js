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
