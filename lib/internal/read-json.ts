import { objectOf, parseJson } from './json.ts'

// What is asked for has some hundred bytes.
const MAX_BYTES = 64 * 1024

/** The JSON object that another server answered, of which at most 64 KiB are read; or what it answered instead. */
export async function readJson(body: AsyncIterable<Uint8Array> | null): Promise<Record<string, unknown> | string> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of body ?? []) {
      length += chunk.byteLength
      if (length > MAX_BYTES) return 'an answer of more than 64 KiB'
      chunks.push(chunk)
    }
    const answer = objectOf(parseJson(Buffer.concat(chunks)))
    if (answer !== undefined) return answer
  } catch {
    // A connection that broke, or no JSON.
  }
  return 'an answer that is not a complete JSON object'
}
