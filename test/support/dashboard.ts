import type { Entry } from '../../devtools/simulator/log.ts'
import type { Simulator } from '../../devtools/simulator/index.ts'

/** What the dashboard shows of the simulator. */
export interface DashboardState {
  clock: number
  waiting: { title: string; attempt: number; due: number }[]
  givenUp: string[]
  removed: string[]
  canRepeat: boolean
  tokenInfo: string
  app: 'up' | 'down' | 'unknown'
  lastStatus: number | null
  log: Entry[]
}

/** What is chosen when the dashboard opens. */
export const OWNER = { site: 'bakery', person: 'owner', plan: '', language: 'en', credential: 'genuine' }

/** Sends a command as the dashboard does; `headers` replace its own. */
export const command = (
  { url }: Pick<Simulator, 'url'>,
  name: string,
  sent: unknown = {},
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}/${name}`, {
    method: 'POST',
    headers: { Origin: url, 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(sent),
  })

/** What the dashboard gets at once when it opens. */
export async function stateOf({ url }: Simulator): Promise<DashboardState> {
  const response = await fetch(`${url}/state`)
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes('\n\n')) break
  }
  // A change may have come already.
  return JSON.parse(String(/^data: (.*)$/m.exec(text)?.[1])) as DashboardState
}
