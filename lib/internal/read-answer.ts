import { objectOf, parseJson } from './values.ts'

// What is asked for has some hundred bytes.
const MAX_BYTES = 64 * 1024
/** JSON.parse reads thousands of levels, for which JSON.stringify has no stack on older versions of Node. */
const MAX_DEPTH = 100

/** Whether a parsed answer has more levels than that. */
const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)))

/** The JSON object of an answer, of which at most 64 KiB are read; or what came in place of one. */
export async function readAnswer(body: AsyncIterable<Uint8Array> | null): Promise<Record<string, unknown> | string> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of body ?? []) {
      length += chunk.byteLength
      if (length > MAX_BYTES) return 'an answer of more than 64 KiB'
      chunks.push(chunk)
    }
    const answer = objectOf(parseJson(Buffer.concat(chunks)))
    if (isDeeper(answer, MAX_DEPTH)) return `an answer of more than ${MAX_DEPTH} levels`
    if (answer !== undefined) return answer
  } catch {
    // A broken connection, or no JSON.
  }
  return 'an answer that is not a complete JSON object'
}
