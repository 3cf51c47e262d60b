import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'

/** What a program prints first. Rejects when it ends without, so that no test waits for it. */
export async function firstOutput(child: ChildProcess & { stdout: Readable }): Promise<string> {
  let errors = ''
  child.stderr?.on('data', (data) => (errors += String(data)))
  const ended = once(child, 'close').then(() => {
    throw new Error(`the program has ended: ${errors}`)
  })
  const [output] = await Promise.race([once(child.stdout, 'data'), ended])
  return String(output)
}
