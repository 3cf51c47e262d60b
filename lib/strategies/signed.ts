import { type Check, type Checked, checkOptions, type Checks, string } from '../internal/options.ts'
import { whenReady } from '../internal/promises.ts'
import { own } from '../internal/values.ts'
import type { SignedOptions } from '../internal/wix-jwt.ts'
import { type WixPublicKey, wixPublicKeys } from '../internal/wix-public-key.ts'
import { bodyChecks, type BodyOptions, type DefaultRequest } from '../read.ts'

type OfRequest<Value, Req> = (req: Req) => Value | PromiseLike<Value>

/** The public key of a strategy: fixed, or a function that finds it for each request (one backend, many apps). */
export type PublicKeyOption<Req = DefaultRequest> = WixPublicKey | OfRequest<WixPublicKey, Req>

/** The app id of a strategy: fixed, or a function that finds it for each request. */
export type AppIdOption<Req = DefaultRequest> = string | OfRequest<string, Req>

/** The options of the strategies for requests that Wix signs with the key pair of the app. */
export interface SignedRequestOptions<Req = DefaultRequest> extends Omit<SignedOptions, 'publicKey'>, BodyOptions<Req> {
  /**
   * The public key of the app, or a function of the request that finds it: such a request names no app, so its path or host must.
   * What the function returns is prepared for each request: where there are many, return a KeyObject.
   */
  publicKey: PublicKeyOption<Req> | undefined
}

const stringOrFunction: Check = Object.assign(
  (value: unknown) => (typeof value === 'function' ? undefined : string(value)),
  { isRequired: true as const },
)

/** What was signed, with the values that the functions among the options found for its request. */
export interface ForRequest<Credential> {
  credential: Credential
  found?: object
}

/** The options that are functions of the request. */
const functionsIn = (options: object): ReadonlyArray<readonly [name: string, find: (req: unknown) => unknown]> =>
  ['publicKey', 'appId'].flatMap((name) => {
    const value = own(options, name)
    return typeof value === 'function' ? [[name, (req: unknown): unknown => value(req)] as const] : []
  })

/**
 * What sets a kind of signed request apart, where `publicKey`, and `appId` if it has one, may be functions of the request: the check is
 * then prepared for each request, under the rules of the verify function, and otherwise once.
 *
 * @param checks Of the options of the verify function.
 */
export function signedKind<Options extends SignedOptions, Credential, Identity>(
  checks: Checks<Options>,
  readerOf: <Req>(options: BodyOptions<Req>) => (req: Req) => Credential | Promise<Credential>,
  checkOf: (owner: string, options: Checked<Options>) => (credential: Credential) => Promise<Identity>,
): {
  optionChecks: Checks<Options> & Checks<BodyOptions>
  reader<Req>(options: BodyOptions<Req>): (req: Req) => ForRequest<Credential> | Promise<ForRequest<Credential>>
  check(owner: string, options: object): (given: ForRequest<Credential>) => Promise<Identity>
} {
  return {
    optionChecks: { ...checks, ...('appId' in checks && { appId: stringOrFunction }), ...bodyChecks },
    reader(options) {
      const read = readerOf(options)
      const functions = functionsIn(options)
      if (functions.length === 0) return (req) => whenReady(read(req), (credential) => ({ credential }))
      return async (req) => {
        // Read first: what is no request of Wix looks up no key.
        const credential = await read(req)
        const found: Record<string, unknown> = {}
        for (const [name, find] of functions) found[name] = await find(req)
        return { credential, found }
      }
    },
    check(owner, options) {
      const names = Object.keys(checks).filter((name) => Object.hasOwn(options, name))
      const given = Object.fromEntries(names.map((name) => [name, own(options, name)]))
      // Whether it has these is what checkOptions is there to find out.
      const prepare = (known: object) => checkOf(owner, checkOptions(owner, known as Options, checks))
      if (functionsIn(options).length === 0) {
        const check = prepare(given)
        return ({ credential }) => check(credential)
      }
      const { publicKey } = given
      const fixed = typeof publicKey === 'function' ? given : { ...given, publicKey: wixPublicKeys(owner, publicKey) }
      return async ({ credential, found }) => prepare({ ...fixed, ...found })(credential)
    },
  }
}
