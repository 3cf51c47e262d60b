import { type Authenticated, factsOf, identityOf, subOf, type WixIdentity } from '../identity.ts'
import { toError } from '../internal/promises.ts'
import { isObject, objectOf, property } from '../internal/values.ts'
import type { DefaultRequest } from '../read.ts'

/** What the app adds to the answer of {@link userInfoHandler}: `email`, `name`, `roles`, ...; or nothing. */
export type UserInfoExtra<Req = DefaultRequest> = (
  identity: WixIdentity,
  req: Req,
) => object | null | undefined | PromiseLike<object | null | undefined>

/** What {@link userInfoHandler} needs of a response; those of Express and Node have it. */
export interface UserInfoResponse {
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
}

const NOT_OF_NODE =
  'userInfoHandler: the response must be a Node or Express response; in Fastify and Koa, answer with userInfoOf(identity)'

type Handler<Req> = (req: Req, res: UserInfoResponse, next: (error?: Error) => void) => void | Promise<void>

/** What the endpoint answers; undefined unless `extra` is an object. */
function answerOf(identity: WixIdentity, extra: unknown): Record<string, unknown> | undefined {
  // Through JSON, since the `toJSON` of a database record may leave out private fields.
  const added = isObject(extra) ? objectOf(JSON.parse(JSON.stringify(extra))) : undefined
  if (added === undefined) return undefined
  const { instanceId, subjectType, exp } = identity
  return { ...added, sub: subOf(identity), instanceId, subjectType, ...factsOf(identity), exp }
}

/**
 * What {@link userInfoHandler} answers, as an object.
 *
 * @param extra What the app adds: `email`, `name`, `roles`, ... It cannot replace `sub` or the facts.
 * @throws {TypeError} For an `extra` that is no object.
 * @example
 * const { identity } = await authenticateRequest(request, strategy)
 * const response = Response.json(userInfoOf(identity, { roles: ['editor'] }))
 */
export function userInfoOf(identity: WixIdentity, extra: object = {}): Record<string, unknown> {
  const answer = answerOf(identity, extra)
  if (answer === undefined) throw new TypeError('userInfoOf: its second argument must be an object')
  return answer
}

/**
 * Answers `GET /userinfo` after authentication with who is signed in, as JSON in the style of OpenID Connect: `sub`, the facts from Wix
 * under the names of {@link WixIdentity} (null where the credential does not say), and what the app adds.
 *
 * Calls `next(error)` with an Error (500) when no strategy of this package ran before it, and when `extra` fails or returns
 * anything but an object. Called without `next`, as Fastify calls its handlers, it returns a promise that rejects instead.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse
 * @example
 * app.get('/userinfo', passport.authenticate('wix-session', { session: false }), userInfoHandler())
 */
export function userInfoHandler(): Handler<Authenticated>
/**
 * The same, with what the app adds.
 *
 * @param extra Adds to the answer. It cannot replace `sub` or the facts.
 * @throws {TypeError} For an `extra` that is no function.
 * @example
 * const signIn = passport.authenticate('wix-session', { session: false })
 * app.get('/userinfo', signIn, userInfoHandler(() => ({ roles: ['editor'] })))
 */
export function userInfoHandler<Req extends Authenticated = DefaultRequest>(extra: UserInfoExtra<Req>): Handler<Req>
export function userInfoHandler<Req extends Authenticated>(extra: UserInfoExtra<Req> = () => undefined): Handler<Req> {
  if (typeof extra !== 'function') throw new TypeError('userInfoHandler takes a function: (identity, req) => object')

  const answer = async (req: Req, res: UserInfoResponse): Promise<void> => {
    if (typeof property(res, 'setHeader') !== 'function') throw new TypeError(NOT_OF_NODE)
    const identity = identityOf(req)
    const info = answerOf(identity, (await extra(identity, req)) ?? {})
    if (info === undefined) throw new TypeError('userInfoHandler: its function must return an object, or nothing')
    const body = JSON.stringify(info)
    res.setHeader('Cache-Control', 'no-store')
    res.setHeader('Content-Type', 'application/json')
    res.end(body)
  }

  return (req, res, next) =>
    answer(req, res).catch((reason: unknown) => {
      if (next === undefined) throw toError(reason)
      next(toError(reason))
    })
}
