import type { Entry } from './log.ts'

/** One line of what comes from the app or the network: no control characters, which would move the cursor or forge lines. */
export const printable = (text: string): string => text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?').slice(0, 500)

const RED = 31
const GREEN = 32
const LOUD = '1;97;41'

/** The colour of a verdict: what the app lets in and must not is the loudest. */
function colorOf({ verdict: { tone }, answer, explanation }: Entry): number | string | undefined {
  if (tone === 'good') return GREEN
  if (tone === 'neutral') return undefined
  return explanation !== null && Number(answer?.status) < 300 ? LOUD : RED
}

/** `Webhook wix.ecom.v1.order_created, attempt 2 of 13` is `order_created, attempt 2 of 13`. */
const shortTitle = (title: string): string => title.replace(/^Webhook (?:[^\s,]*\.)?/, '')

/** What the app says about its refusal; where it says nothing, why the simulator would refuse this credential. */
export function reasonOf({ refusal, explanation }: Entry): { code: string | null; hint: string | null } {
  if (refusal !== null) return { code: refusal.code, hint: refusal.hint ?? null }
  return { code: explanation?.code ?? null, hint: (explanation && (explanation.hint ?? explanation.message)) ?? null }
}

/**
 * An exchange for a terminal: `-> order_created  <- 200 12 ms`, and the reason of a refusal in a second line.
 *
 * @param color Whether the terminal shows colours. Default: false.
 */
export function terminalLine(entry: Entry, color = false): string {
  const { title, answer, milliseconds, verdict } = entry
  const paint = (text: string): string => {
    const code = colorOf(entry)
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
  const { code, hint } = reasonOf(entry)
  const why = [code, hint].filter((part) => part !== null).join(': ')
  return why === '' ? line : `${line}\n   ${printable(why)}`
}
