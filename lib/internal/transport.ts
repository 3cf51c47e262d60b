import { isNonEmptyString, own, plain, stringOrNull } from './values.ts'

/** The part of `fetch` that is used here: Node's own fits, and undici's, for example with the `dispatcher` of a proxy. */
export type Fetch = (
  url: string,
  init: {
    method?: string
    headers: Record<string, string>
    body?: string
    redirect: 'manual'
    /** @ts-ignore Where the types of neither Node nor a browser are installed, it is `any`. */
    signal: AbortSignal
  },
) => Promise<{
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: AsyncIterable<Uint8Array> | null
}>

/**
 * The default {@link Fetch}, of `node:http` and `node:https`: it follows no redirect and decodes nothing. Node's own `fetch` decodes what
 * it never asked for, and with some headers an answer can end the process: the error of a stream that nobody has.
 */
export const httpFetch: Fetch = (url, { method, headers, body, signal }) =>
  new Promise((resolve, reject) => {
    // Loaded only here: most processes ask nobody.
    const { request } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http')
    const sent = plain({ 'User-Agent': 'passport-wix-app', ...headers, 'Accept-Encoding': 'identity' })
    request(url, plain({ method, headers: sent, signal }))
      // Both stay: what goes wrong after the answer has begun shows where its body is read, if at all.
      .on('error', reject)
      .on('response', (response) => {
        response.on('error', reject)
        resolve({
          status: Number(response.statusCode),
          headers: { get: (name) => stringOrNull(own(response.headers, name.toLowerCase())) },
          body: response,
        })
      })
      .end(body)
  })

/** What to say of a server that was not reached, where there is a proxy that {@link httpFetch} does not use. */
export function proxyHints(url: string): string[] {
  const name = ['HTTPS_PROXY', 'https_proxy'].find((one) => isNonEmptyString(process.env[one]))
  if (name === undefined || !url.startsWith('https:')) return []
  // The agent has it where Node uses the proxies of the environment.
  if (own(process.getBuiltinModule('node:https').globalAgent.options, 'proxyEnv') !== undefined) return []
  return [`Node uses ${name} only with NODE_USE_ENV_PROXY=1, from 22.21 and 24.5 on: before, pass the option \`fetch\``]
}
