import { isObject } from '../../lib/internal/values.ts'
import { type CredentialKind, decode, type Decoded, kindOf, NAMES, opened } from '../credentials/recognize.ts'
import { type AppAnswer, type AppRequest, type Exchange, judge, send, type Verdict } from './exchange.ts'
import { type CheckKeys, type Credential, explain, type Explanation } from './explain.ts'
import type { Refusal, Refusals } from './refusals.ts'
import { signerOf } from './sign.ts'
import type { Flaw } from './sites.ts'

/** A line of the log: a request with its credential, and what came of it. What is not known is null; nothing changes later. */
export interface Entry {
  id: number
  title: string
  /** As ISO 8601. */
  time: string
  request: AppRequest | null
  /** `signedBy` ends the sentence "Signed with". */
  credential: { kind: string; signedBy: string; decoded: object } | null
  answer: AppAnswer | null
  milliseconds: number | null
  verdict: Verdict
  explanation: Explanation | null
  /** Known where the app runs in this process. */
  refusal: Refusal | null
}

/** What is sent, or would be sent. */
export interface Sent {
  title: string
  flaw: Flaw
  request: AppRequest | null
  credential: Credential
}

const MAX_ENTRIES = 50

const WIX_KEY = 'a key that only Wix has'

const signedBy = ({ credential: { kind }, flaw }: Sent): string => {
  if (kind === 'access-token') return flaw === 'forged' ? 'nothing that Wix knows' : WIX_KEY
  return signerOf(flaw, kind === 'instance' ? 'app secret' : 'private key')
}

/** What a credential says, without a check: the payload of an instance, the header and the claims of a JWT. */
function decodedOf(credential: string): object {
  const { header, payload } = JSON.parse(JSON.stringify(decode(credential), opened)) as Decoded
  if (!isObject(payload)) return {}
  return header === undefined ? payload : { header, claims: payload }
}

const shown = (kind: CredentialKind, credential: string, signedBy: string): NonNullable<Entry['credential']> => ({
  kind: NAMES[kind],
  signedBy,
  decoded: decodedOf(credential),
})

/** A token that an app asks Wix about. */
function shownToken(token: string): NonNullable<Entry['credential']> {
  const kind = kindOf({ credential: token, from: null })
  return shown(kind, token, kind === 'instance' ? 'an app secret' : WIX_KEY)
}

/** All requests so far, the newest first. */
export class Log {
  readonly entries: Entry[] = []
  readonly #keys: CheckKeys
  readonly #refusals: Refusals
  readonly #changed: () => void
  readonly #settled: (entry: Entry) => void
  #count = 0

  /**
   * @param changed Called after each change.
   * @param settled Called once for each entry, when it is known what came of it.
   */
  constructor(keys: CheckKeys, refusals: Refusals, changed: () => void, settled: (entry: Entry) => void) {
    this.#keys = keys
    this.#refusals = refusals
    this.#changed = changed
    this.#settled = settled
  }

  clear(): void {
    this.entries.length = 0
    this.#changed()
  }

  /** What the browser sends: it keeps the answer from us. */
  async note(sent: Sent): Promise<void> {
    const explanation = await explain(sent.credential, this.#keys)
    const text = explanation === null ? 'genuine' : `to be refused: ${explanation.code}`
    this._add(sent, null, { tone: 'neutral', text }, explanation, null)
  }

  /** Sends a request to the app; `limit` is in milliseconds. */
  async exchange(sent: Sent & { request: AppRequest }, limit: number): Promise<Exchange> {
    const { request, credential } = sent
    const [result, said] = await this.#refusals.during(request, () => send(request, limit))
    const explanation = await explain(credential, this.#keys)
    // What one strategy of a chain has refused, another one may have accepted.
    const refusal = Number(result.answer?.status) >= 400 ? said : null
    this._add(sent, result, judge(result, explanation, credential.kind), explanation, refusal)
    return result
  }

  /** A call of the app to Wix. The body of the request is left out: it may hold the app secret. */
  call(url: string, token: string | undefined, answer: AppAnswer, milliseconds: number): void {
    const active = /"active":(true|false)/.exec(answer.body)?.[1]
    const said = active === undefined ? String(answer.status) : active === 'true' ? 'active' : 'not active'
    this._push({
      title: `Your app called ${url}`,
      request: { method: 'POST', url, headers: {} },
      credential: token === undefined ? null : shownToken(token),
      answer,
      milliseconds,
      verdict: { tone: 'neutral', text: `Wix answered ${said}` },
      explanation: null,
      refusal: null,
    })
  }

  private _add(
    sent: Sent,
    result: Exchange | null,
    verdict: Verdict,
    explanation: Explanation | null,
    refusal: Refusal | null,
  ): void {
    const { title, request, credential } = sent
    this._push({
      title,
      request,
      credential: shown(credential.kind, credential.value, signedBy(sent)),
      answer: result && result.answer,
      milliseconds: result && result.milliseconds,
      verdict,
      explanation,
      refusal,
    })
  }

  private _push(content: Omit<Entry, 'id' | 'time'>): void {
    const entry = { id: ++this.#count, time: new Date().toISOString(), ...content }
    this.entries.unshift(entry)
    this.entries.length = Math.min(this.entries.length, MAX_ENTRIES)
    this.#changed()
    this.#settled(entry)
  }
}
