import { withoutCredential } from './exchange.ts'
import type { Entry } from './log.ts'

/** As much of an entry as a line says. */
export type Exchanged = Pick<Entry, 'title' | 'milliseconds' | 'verdict'> & { answer: { status: number } | null }

/** Would move the cursor or forge lines. */
const CONTROLS = /[\p{C}\p{Zl}\p{Zp}]/gu

/** One line of what comes from the app or the network, without control characters. */
export const printable = (text: string): string => text.replaceAll(CONTROLS, '?').slice(0, 500)

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** The same as JSON, in which they are escaped: `JSON.stringify` leaves those from U+007F on as they are. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(CONTROLS, (found) => found.split('').map(escaped).join(''))

/** By the tone of the verdict: what the app lets in and must not is the loudest. */
const COLORS = { good: '32', neutral: undefined, warning: '33', bad: '31', alarm: '1;97;41', pending: undefined }

/** `Webhook wix.ecom.v1.order_created, attempt 2 of 13` is `order_created, attempt 2 of 13`. */
const shortTitle = (title: string): string => title.replace(/^Webhook (?:[^\s,]*\.)?/, '')

/**
 * An exchange for a terminal: `-> order_created  <- 200 12 ms`, and the reason of a refusal in a second line.
 *
 * @param color Whether the terminal shows colours. Default: false.
 * @example
 * await startSimulator({ app: 'http://localhost:3000/', settled: (entry) => console.log(terminalLine(entry)) })
 */
export function terminalLine(entry: Exchanged, color = false): string {
  const { title, answer, milliseconds, verdict } = entry
  const paint = (text: string): string => {
    const code = COLORS[verdict.tone]
    return color && code !== undefined ? `\u001B[${code}m${text}\u001B[0m` : text
  }
  const isOfApp = title.startsWith('Your app called ')
  const [there, back] = isOfApp ? ['<-', '->'] : ['->', '<-']
  // The text begins with the status where there is one, and a green 200 needs no words.
  const text = printable(verdict.text).replace(/^\d{3}: (?:accepted$)?/, '')
  const status = answer === null ? [] : [paint(String(answer.status))]
  const time = milliseconds === null ? [] : [`${milliseconds} ms`]
  const end = [...status, ...time].join(' ')
  const line = [`${there} ${printable(shortTitle(title))}`, end && `${back} ${end}`, text && paint(text)]
    .filter(Boolean)
    .join('  ')
  return verdict.why === null ? line : `${line}\n   ${printable(verdict.why)}`
}

/** The same for a program, as the fields of a JSON object: no credential, no header, no body. */
export function exchangeJson(entry: Entry): object {
  const { id, time, title, request, credential, answer, milliseconds, verdict } = entry
  const { refusal, explanation } = entry
  return {
    type: 'exchange',
    id,
    time,
    title,
    method: request?.method ?? null,
    url: request && withoutCredential(request.url),
    credential: credential?.kind ?? null,
    status: answer?.status ?? null,
    milliseconds,
    tone: verdict.tone,
    verdict: verdict.text,
    code: (refusal ?? explanation)?.code ?? null,
    why: verdict.why,
  }
}
