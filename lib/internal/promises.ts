import { own } from '../read.ts'

/** What `call` answers or, when it takes longer than `seconds`, what `late` answers or throws. */
export async function within<T>(seconds: number, call: () => T | PromiseLike<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000)
  }).then(late)
  try {
    return await Promise.race([call(), end])
  } finally {
    clearTimeout(timer)
  }
}

/** The code that the system gave a failed call to another server, to end a sentence with; it holds nothing of the request. */
export function codeOf(error: unknown): string {
  const code = own(own(error, 'cause'), 'code') ?? own(error, 'code')
  return typeof code === 'string' && /^[A-Z\d_]+$/.test(code) ? ` (${code})` : ''
}
