/** Of the body of a request, in bytes. What Wix sends has a few thousand. */
export const MAX_BODY_LENGTH: number = 1024 * 1024

/**
 * The bytes of all chunks, in one buffer that grows: a list of chunks of one byte, as anybody may send them, takes hundreds of times as much
 * memory as the bytes.
 *
 * @returns Undefined where there are more than `limit` bytes, of which the last are not copied.
 */
export async function collect(chunks: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer | undefined> {
  let buffer = Buffer.alloc(0)
  let length = 0
  for await (const chunk of chunks) {
    const needed = length + chunk.length
    if (needed > limit) return undefined
    if (needed > buffer.length) {
      const larger = Buffer.alloc(Math.min(Math.max(needed, 2 * buffer.length), limit))
      larger.set(buffer)
      buffer = larger
    }
    buffer.set(chunk, length)
    length = needed
  }
  return buffer.subarray(0, length)
}
