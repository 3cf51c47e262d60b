/** What `call` answers; rejects when it throws, rejects, or takes longer than `seconds`, which is then the error `late`. */
export async function within<T>(seconds: number, call: () => T | PromiseLike<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const end = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), seconds * 1000)
  })
  try {
    return await Promise.race([call(), end])
  } finally {
    clearTimeout(timer)
  }
}
