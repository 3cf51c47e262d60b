/** How many letters must be put in, left out or replaced to make one word of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row++) {
    const current = [row]
    for (let column = 1; column <= other.length; column++) {
      const replaced = Number(previous[column - 1]) + (one[row - 1] === other[column - 1] ? 0 : 1)
      current.push(Math.min(Number(previous[column]) + 1, Number(current[column - 1]) + 1, replaced))
    }
    previous = current
  }
  return Number(previous.at(-1))
}

/** Longer than any name: a credential is not compared. */
const MAX_LENGTH = 40

/** The name that was probably meant: it differs in a quarter of its letters at most. */
export function nearest(written: unknown, names: readonly string[]): string | undefined {
  if (typeof written !== 'string' || written.length < 2 || written.length > MAX_LENGTH) return undefined
  const word = written.toLowerCase().replaceAll(/[^a-z]+/g, '_')
  const [best] = names
    .map((name) => ({ name, distance: distance(word, name) }))
    .filter(({ name, distance }) => distance <= Math.ceil(name.length / 4))
    .toSorted((one, other) => one.distance - other.distance)
  return best?.name
}
