import { isObject } from '../../lib/internal/values.ts'
import { type CredentialKind, decode, type Decoded, kindOf, NAMES, opened } from '../credentials/recognize.ts'
import { type AppAnswer, type AppRequest, type Exchange, judge, send, type Verdict } from './exchange.ts'
import { type CheckKeys, type Credential, explain, type Explanation } from './explain.ts'
import type { Refusal, Refusals } from './refusals.ts'
import { signerOf } from './sign.ts'
import type { Flaw } from './sites.ts'

/**
 * A line of the log: a request with its credential, and what came of it. What is not known is null. Only a page changes, once: when its
 * end is known.
 */
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
  /** The origin of the page with the frame, if the request is for a page in one. */
  parent?: string
  /** Milliseconds that Wix waits. */
  limit?: number
}

const MAX_ENTRIES = 50

const WIX_KEY = 'a key that only Wix has'

const signedBy = ({ credential: { kind }, flaw }: Sent): string => {
  if (kind === 'access-token') return flaw === 'forged' ? 'nothing that Wix knows' : WIX_KEY
  return signerOf(flaw, kind === 'instance' ? 'app secret' : 'private key')
}

/** What a credential says, without a check: the payload of an instance, the header and the claims of a JWT. */
function decodedOf(credential: string): object {
  try {
    const { header, payload } = JSON.parse(JSON.stringify(decode(credential), opened)) as Decoded
    if (!isObject(payload)) return {}
    return header === undefined ? payload : { header, claims: payload }
  } catch {
    // Nested deeper than the stack is: anybody may send such a token to the app, which asks about it.
    return {}
  }
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

/** What is known without an answer. */
function unknownEnd(explanation: Explanation | null): Verdict {
  if (explanation === null) return { tone: 'neutral', text: 'genuine', why: null }
  const { code, message, hint } = explanation
  const why = hint ?? message
  // Nothing is wrong with a token because nobody can check it now.
  if (code === 'unavailable') return { tone: 'neutral', text: 'cannot be checked', why }
  return { tone: 'neutral', text: 'should be refused', why: `${code}: ${why}` }
}

/** What an app said of its refusal, in one line. */
const lineOf = ({ code, hint }: Refusal): string => [code, hint].filter(Boolean).join(': ')

/** The answer that a refusal leads to. */
const saidTo = ({ status }: Refusal): Exchange => ({
  answer: { status, headers: {}, body: '' },
  problem: '',
  milliseconds: 0,
})

type NewEntry = Omit<Entry, 'id' | 'time'>

/** All requests so far, the newest first. */
export class Log {
  readonly entries: Entry[] = []
  /** The status of the app's last answer; null before the first one. */
  lastStatus: number | null = null
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

  /** What a page is given, without a request to the app. */
  async note(sent: Sent): Promise<void> {
    const explanation = await explain(sent.credential, this.#keys)
    this._end(this._entry(sent, null, unknownEnd(explanation), explanation, null))
  }

  /**
   * What a browser asks the app for: it keeps the answer from us.
   *
   * @param end What came of it, as far as it can be known.
   * @returns The id of the entry, at once.
   */
  async page(sent: Sent & { request: AppRequest }, end: Promise<Exchange | null>): Promise<number> {
    const explanation = await explain(sent.credential, this.#keys)
    const pending = { tone: 'pending', text: 'waiting for your app', why: null } as const
    const entry = this._add(this._entry(sent, null, pending, explanation, null))
    this.#changed()
    void this.#refusals
      .during(sent.request, () => end)
      .then(([result, said]) => this._settle({ ...entry, ...this._ended(sent, result, explanation, said) }))
    return entry.id
  }

  /** Sends a request to the app; `limit` and `patience` are in milliseconds. */
  async exchange(sent: Sent & { request: AppRequest; limit: number }, patience: number = sent.limit): Promise<Entry> {
    const { request, credential, limit } = sent
    const [result, said] = await this.#refusals.during(request, () => send(request, limit, patience))
    const explanation = await explain(credential, this.#keys)
    return this._end(this._ended(sent, result, explanation, said))
  }

  /** What Wix would not send. */
  notSent(title: string, why: string): Entry {
    return this._end({
      title,
      request: null,
      credential: null,
      answer: null,
      milliseconds: null,
      verdict: { tone: 'warning', text: 'not sent', why },
      explanation: null,
      refusal: null,
    })
  }

  /** The app's call to Wix. Its body is left out: it may hold the app secret. */
  call(url: string, token: string | undefined, answer: AppAnswer, milliseconds: number): void {
    const active = /"active":(true|false)/.exec(answer.body)?.[1]
    const said = active === undefined ? String(answer.status) : active === 'true' ? 'active' : 'not active'
    const tone = answer.status >= 400 ? 'bad' : active === 'false' ? 'warning' : 'neutral'
    const isFault = answer.status === 429 || answer.status >= 500
    const why = isFault ? 'as set in the dashboard, under "Token Info"' : null
    this._end({
      title: `Your app called ${url}`,
      request: { method: 'POST', url, headers: {} },
      credential: token === undefined ? null : shownToken(token),
      answer,
      milliseconds,
      verdict: { tone, text: `Wix answered ${said}`, why },
      explanation: null,
      refusal: null,
    })
  }

  private _ended(
    sent: Sent & { request: AppRequest },
    result: Exchange | null,
    explanation: Explanation | null,
    said: Refusal | null,
  ): NewEntry {
    const known = result ?? (said && saidTo(said))
    if (known === null) return this._entry(sent, null, unknownEnd(explanation), explanation, null)
    this.lastStatus = known.answer?.status ?? this.lastStatus
    // What one strategy of a chain has refused, another one may have accepted.
    const refusal = Number(known.answer?.status) >= 400 ? said : null
    const { request, credential, parent, limit } = sent
    const verdict = judge(known, {
      request,
      kind: credential.kind,
      explanation,
      said: refusal && lineOf(refusal),
      parent,
      limit,
    })
    return this._entry(sent, known, verdict, explanation, refusal)
  }

  private _entry(
    sent: Sent,
    result: Exchange | null,
    verdict: Verdict,
    explanation: Explanation | null,
    refusal: Refusal | null,
  ): NewEntry {
    const { title, request, credential } = sent
    return {
      title,
      request,
      credential: shown(credential.kind, credential.value, signedBy(sent)),
      answer: result && result.answer,
      milliseconds: result && result.milliseconds,
      verdict,
      explanation,
      refusal,
    }
  }

  private _add(entry: NewEntry): Entry {
    const added = { id: ++this.#count, time: new Date().toISOString(), ...entry }
    this.entries.unshift(added)
    this.entries.length = Math.min(this.entries.length, MAX_ENTRIES)
    return added
  }

  /** Adds what has its end already. */
  private _end(entry: NewEntry): Entry {
    const added = this._add(entry)
    this._settle(added)
    return added
  }

  /** Puts an entry with its end in its place, if nobody has cleared it. */
  private _settle(entry: Entry): void {
    const index = this.entries.findIndex(({ id }) => id === entry.id)
    if (index === -1) return
    this.entries[index] = entry
    this.#settled(entry)
    this.#changed()
  }
}
