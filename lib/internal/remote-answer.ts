import { objectOf, parseJson } from './values.ts'

// Real answers have a few hundred bytes.
const MAX_KIB = 64
/** JSON.parse takes thousands of levels, at which JSON.stringify overflows the stack on older versions of Node. */
const MAX_DEPTH = 100

/** Whether a parsed answer has more levels than that. */
const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)))

/** The JSON object of an answer, of which a bounded part is read; or what came in place of one. */
export async function readAnswer(body: AsyncIterable<Uint8Array> | null): Promise<Record<string, unknown> | string> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of body ?? []) {
      length += chunk.byteLength
      if (length > MAX_KIB * 1024) return `an answer of more than ${MAX_KIB} KiB`
      chunks.push(chunk)
    }
    const answer = objectOf(parseJson(Buffer.concat(chunks), 'the answer'))
    if (isDeeper(answer, MAX_DEPTH)) return `an answer of more than ${MAX_DEPTH} levels`
    if (answer !== undefined) return answer
  } catch {
    // A broken connection, or no JSON.
  }
  return 'an answer that is not a complete JSON object'
}
