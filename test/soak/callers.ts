// Who calls: genuine callers, and beside them others with junk, for each door.
import { createHmac, createPrivateKey, randomBytes, randomInt, randomUUID } from 'node:crypto'
import {
  generateAppKeys,
  signDigest,
  signInstance,
  signServicePlugin,
  signWebhook,
} from '../../devtools/testing/index.ts'
import { generateSessionKey, instanceVerifier, SessionTokens } from '../../lib/index.ts'
import type { Setup } from './server.ts'

/** A request, and what must come of it. */
export interface Call {
  /** Default: GET. */
  method?: 'POST'
  path: string
  headers?: Record<string, string | string[]>
  body?: string
  /** The only right answer. */
  status: number
  /** What must be in the answer: whose credential it was. */
  facts?: Record<string, unknown>
  /** Whether Wix is asked, so that an outage of Wix may answer it. */
  asksWix?: true
}

/** The calls that a door gets: by whom Wix knows, and by anybody. */
export interface Door {
  genuine: () => Call
  hostile?: () => Call
}

export const pick = <T>(list: readonly T[]): T => list[randomInt(list.length)] as T

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

/** Another signature of the same form. */
const forged = (token: string, dot = '.'): string =>
  `${token.slice(0, token.lastIndexOf(dot) + 1)}${randomBytes(64).toString('base64url')}`

const encode = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url')

const withHeader = (token: string, header: object): string => encode(header) + token.slice(token.indexOf('.'))

/** Statuses with which Wix answers the token that holds one: a refusal, or about this token alone. */
const STATUS_OF_JUNK = [400, 401, 403, 404, 500]
const REFUSED_BY_WIX: ReadonlySet<number> = new Set([400, 401, 404])
export const junkStatus = (token: string): number => Number(/^OauthNG\.JWS\.junk-(\d{3})\./.exec(token)?.[1] ?? 0)

/** A session that the app has issued, and for whom. */
export interface Session {
  token: string
  facts: Record<string, unknown>
}

interface Wix {
  accessToken(subject: { instanceId: string; subjectType: 'USER'; subjectId: string; clientId?: string }): string
  revoke(token: string): void
}

/** @param issued The latest sessions of the app: whoever calls adds to them. */
export async function doors(
  setup: Setup,
  privatePem: string,
  wix: Wix,
  issued: readonly Session[],
): Promise<Record<string, Door>> {
  const { appId, secret, publicKey, keys, issuer, audience } = setup
  const privateKey = createPrivateKey(privatePem)
  const otherKey = createPrivateKey(generateAppKeys().privateKey)
  const someone = (): { instanceId: string; uid: string } => ({
    instanceId: `site-${randomInt(500)}`,
    uid: `user-${randomInt(50_000)}`,
  })
  const sign = (facts: { instanceId: string; uid: string }, changes: object = {}, by = secret): string =>
    signInstance({ ...facts, appDefId: appId, permissions: 'OWNER', ...changes }, by)
  const factsOf = ({ instanceId, uid }: { instanceId: string; uid: string }): Record<string, unknown> => ({
    instanceId,
    subjectId: uid,
  })
  const someInstance = (): string => sign(someone())

  const junkInstances: Array<() => Partial<Call>> = [
    () => ({ path: `=${'A'.repeat(43)}${someInstance().slice(43)}` }),
    () => ({ path: `=${sign(someone(), {}, 'another-secret')}` }),
    () => ({ path: `=${sign(someone(), { signDate: '2020-01-01T00:00:00.000Z' })}` }),
    () => ({ path: `=${sign(someone(), { appDefId: 'another-app' })}` }),
    () => ({ path: `=${someInstance()}x` }),
    () => ({ path: `=${someInstance().slice(0, -20)}` }),
    () => ({ path: `=${'A'.repeat(43)}.${'A'.repeat(10_000)}` }),
    () => ({ path: `=${'.'.repeat(5000)}` }),
    () => ({ path: `=.${encode(someone())}` }),
    () => ({ path: '=' }),
    () => ({ path: `=${someInstance()}&instance=${someInstance()}`, status: 400 }),
    () => ({ path: `[__proto__]=${someInstance()}` }),
  ]
  const instanceDoor = (path: string): Door => ({
    genuine: () => {
      const facts = someone()
      return { path: `${path}?instance=${sign(facts)}`, status: 200, facts: factsOf(facts) }
    },
    hostile: () => {
      const { path: query, status = 401 } = pick(junkInstances)()
      return { path: `${path}?instance${query}`, status }
    },
  })

  const newToken = (): Session => {
    const { instanceId, uid } = someone()
    return {
      token: wix.accessToken({ instanceId, subjectType: 'USER', subjectId: uid }),
      facts: { instanceId, subjectId: uid },
    }
  }
  // More than are cached.
  const accessTokens = Array.from({ length: 1000 }, newToken)
  const revoked = Array.from({ length: 100 }, () => newToken().token)
  for (const token of revoked) wix.revoke(token)
  const part = (bytes: number): string => randomBytes(bytes).toString('base64url')
  const junkTokens: Array<() => Call> = [
    () => ({ path: '', headers: bearer(pick(revoked)), status: 401, asksWix: true }),
    () => ({ path: '', headers: bearer(forged(pick(accessTokens).token)), status: 401, asksWix: true }),
    () => ({
      path: '',
      headers: bearer(`OauthNG.JWS.${part(30)}.${part(500)}.${part(32)}`),
      status: 401,
      asksWix: true,
    }),
    () => {
      const token = wix.accessToken({
        instanceId: 'theirs',
        subjectType: 'USER',
        subjectId: 'they',
        clientId: 'another-app',
      })
      return { path: '', headers: bearer(token), status: 401, asksWix: true }
    },
    () => {
      const status = pick(STATUS_OF_JUNK)
      const token = `OauthNG.JWS.junk-${status}.${part(100)}.${part(32)}`
      return { path: '', headers: bearer(token), status: REFUSED_BY_WIX.has(status) ? 401 : 503, asksWix: true }
    },
    () => ({ path: '', headers: bearer(`IST.${part(300)}`), status: 401 }),
    () => ({ path: '', headers: bearer(`OauthNG.JWS.${'a.'.repeat(4500)}a`), status: 401 }),
    () => ({ path: '', headers: bearer('hello'), status: 401 }),
    () => ({ path: '', headers: { authorization: 'Basic dXNlcjpwYXNz' }, status: 401 }),
    () => ({ path: '', status: 401 }),
  ]
  const accessTokenDoor = (path: string): Door => ({
    genuine: () => {
      // In every tenth call, one that Wix has just issued.
      const one = randomInt(10) === 0 ? newToken() : pick(accessTokens)
      return { path, headers: bearer(one.token), status: 200, facts: one.facts, asksWix: true }
    },
    hostile: () => ({ ...pick(junkTokens)(), path }),
  })

  const junkBodies = (genuine: () => string): Array<() => Partial<Call>> => {
    const pool = Array.from({ length: 20 }, genuine)
    const header = { alg: 'RS256', kid: 'TestKey1' }
    const claims = (): object => ({ iat: Math.floor(Date.now() / 1000), exp: 4e9, data: '{"instanceId":"theirs"}' })
    const byPublicKey = (): string => {
      const signed = `${encode({ ...header, alg: 'HS256' })}.${encode(claims())}`
      return `${signed}.${createHmac('sha256', publicKey).update(signed).digest('base64url')}`
    }
    return [
      () => ({ body: forged(pick(pool)) }),
      () => ({ body: `${encode({ alg: 'none' })}.${encode(claims())}.` }),
      () => ({ body: byPublicKey() }),
      () => ({ body: `${encode(header)}.${encode(claims())}.${part(256)}` }),
      () => ({ body: withHeader(pick(pool), { ...header, crit: ['exp'] }) }),
      () => ({ body: withHeader(pick(pool), { ...header, jwk: { kty: 'RSA' } }) }),
      () => ({ body: `${pick(pool)}\n` }),
      () => ({ body: JSON.stringify(claims()) }),
      () => ({ body: `${encode(header)}.${Buffer.from('['.repeat(200_000)).toString('base64url')}.${part(256)}` }),
      () => ({ body: '.'.repeat(300_000) }),
      () => ({ body: 'a'.repeat(300_000) }),
      () => ({ body: '' }),
    ]
  }
  const event = (): string => signWebhook({ instanceId: 'site-1', eventType: 'AppInstalled' }, privateKey)
  const call = (): string => signServicePlugin({ appId, metadata: { instanceId: 'site-1' } }, privateKey)
  const once = <T>(make: () => T, count: number): (() => T) => {
    const pool = Array.from({ length: count }, make)
    return () => pick(pool)
  }
  const old = [
    once(() => signWebhook({ instanceId: 'site-1', eventType: 'AppInstalled' }, privateKey, { iat: 0, exp: 1 }), 5),
  ]
  const junkWebhooks: Array<() => Partial<Call>> = [
    ...junkBodies(event),
    ...old.map((make) => () => ({ body: make() })),
    ...[once(call, 5), once(() => signWebhook({ instanceId: 'site-1', eventType: 'AppInstalled' }, otherKey), 5)].map(
      (make) => () => ({ body: make() }),
    ),
    () => ({ body: 'a'.repeat(1_100_000), status: 413 }),
  ]
  const webhookDoor = (path: string): Door => ({
    genuine: () => {
      const instanceId = randomUUID()
      const user = { identityType: 'WIX_USER', wixUserId: `user-${randomInt(50_000)}` }
      return {
        method: 'POST',
        path,
        body: signWebhook({ instanceId, eventType: 'AppInstalled', identity: user }, privateKey),
        status: 200,
        facts: { instanceId, subjectId: user.wixUserId },
      }
    },
    hostile: () => ({ method: 'POST', path, status: 401, ...pick(junkWebhooks)() }),
  })

  // Signing takes far longer than the check.
  const calls = Array.from({ length: 200 }, (_, index) => {
    const instanceId = `site-${index}`
    return { instanceId, body: signServicePlugin({ appId, metadata: { instanceId } }, privateKey) }
  })
  const junkCalls: Array<() => Partial<Call>> = [
    ...junkBodies(call),
    ...[
      once(event, 5),
      once(() => signServicePlugin({ appId: 'another-app', metadata: { instanceId: 'site-1' } }, privateKey), 5),
      once(() => signServicePlugin({ appId, metadata: { instanceId: 'site-1' } }, otherKey), 5),
    ].map((make) => () => ({ body: make() })),
  ]

  const bodies = Array.from({ length: 200 }, (_, index) => {
    const body = JSON.stringify({ amount: index, note: 'café' })
    return { body, digest: signDigest(body, privateKey) }
  })
  const junkDigests: Array<() => Partial<Call>> = [
    () => ({ headers: { digest: pick(bodies).digest }, body: '{"amount":1000000}' }),
    () => ({ headers: { digest: forged(pick(bodies).digest) }, body: pick(bodies).body }),
    () => ({ headers: { digest: pick(bodies).digest.slice(4) }, body: pick(bodies).body }),
    () => ({ headers: { digest: `JWT=${calls[0]?.body}` }, body: pick(bodies).body }),
    () => ({ headers: { digest: 'SHA-256=AAAA' }, body: pick(bodies).body }),
    () => ({ body: pick(bodies).body }),
  ]

  const verified = await instanceVerifier({ secret })(sign({ instanceId: 'site-1', uid: 'user-1' }))
  const issuers = [
    new SessionTokens({ keys: [await generateSessionKey()], issuer, audience }),
    new SessionTokens({ keys, issuer: 'https://other.example', audience }),
    new SessionTokens({ keys, issuer, audience: 'another-api' }),
    new SessionTokens({ keys, issuer, audience, now: () => Date.now() - 7200e3 }),
  ]
  const foreign = await Promise.all(issuers.map((one) => one.issue(verified)))
  const aSession = (): string => (issued.length > 0 ? pick(issued).token : pick(foreign))
  const junkSessions: Array<() => string | undefined> = [
    () => forged(aSession()),
    () => pick(foreign),
    () => withHeader(aSession(), { alg: 'ES256', typ: 'wix-session+jwt', kid: randomUUID() }),
    () => withHeader(aSession(), { alg: 'none', typ: 'wix-session+jwt' }),
    () => withHeader(aSession(), { alg: 'HS256', typ: 'wix-session+jwt', kid: keys[0]?.kid }),
    () => `${aSession()}=`,
    () => someInstance(),
    () => pick(accessTokens).token,
    () => `a.${'b'.repeat(9000)}.c`,
    () => undefined,
  ]
  const sessionDoor = (path: string, junk = junkSessions): Door => ({
    genuine: () => {
      if (issued.length === 0) return newSession()
      const one = pick(issued)
      return { path, headers: bearer(one.token), status: 200, facts: one.facts }
    },
    hostile: () => {
      const token = pick(junk)()
      return { path, ...(token !== undefined && { headers: bearer(token) }), status: 401 }
    },
  })
  const newSession = (): Call => ({ ...instanceDoor('/session').genuine(), method: 'POST' })
  const junkForSession = instanceDoor('/session')

  return {
    instance: instanceDoor('/instance'),
    'access token': accessTokenDoor('/access-token'),
    webhook: webhookDoor('/webhook'),
    'service plugin': {
      genuine: () => {
        const { instanceId, body } = pick(calls)
        return { method: 'POST', path: '/service-plugin', body, status: 200, facts: { instanceId } }
      },
      hostile: () => ({ method: 'POST', path: '/service-plugin', status: 401, ...pick(junkCalls)() }),
    },
    Digest: {
      genuine: () => {
        const { digest, body } = pick(bodies)
        return { method: 'POST', path: '/digest', headers: { digest }, body, status: 200 }
      },
      hostile: () => ({ method: 'POST', path: '/digest', status: 401, ...pick(junkDigests)() }),
    },
    'session, issued': {
      genuine: newSession,
      hostile: () => ({ ...(junkForSession.hostile as () => Call)(), method: 'POST' }),
    },
    session: sessionDoor('/session'),
    'session by the key set': sessionDoor('/remote-session'),
    userinfo: sessionDoor('/userinfo'),
    'key set': { genuine: () => ({ path: '/jwks', status: 200 }) },
    'Fetch, instance': instanceDoor('/fetch/any'),
    'Fetch, session': sessionDoor('/fetch/any', junkSessions.slice(0, 6)),
    'Fetch, access token': accessTokenDoor('/fetch/any'),
    'Fetch, webhook': webhookDoor('/fetch/webhook'),
  }
}
