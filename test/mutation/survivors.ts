/** Mutants that no test can tell from the code, or none that runs where the mutant does. */
export interface Survivor {
  /** The line of code on which they begin. */
  line: string
  /** Each as `code => mutant`; without them all on this line. */
  mutants?: readonly string[]
  why: string
}

const LOG =
  'only the log of NODE_DEBUG shows it, and the tests of the log run a program of its own, in which no mutant is active'
const BOTH_CLOCKS = 'before the first reading each of the two clocks alone says that the set is old'
const COMPILER = 'it cannot be undefined here, which only the compiler does not know'
const NAMES = 'no two names in an object are the same'
const NOTHING = 'a function that returns nothing returns undefined'
const OTHER_PROGRAM = 'its test runs a program of its own, in which no mutant is active'
const FALSY = 'undefined is as false to those who ask'
const NEW_ROUND = 'a round only has to differ from the one before'

export const SURVIVORS: Readonly<Record<string, readonly Survivor[]>> = {
  'lib/events.ts': [{ line: 'if (debug.enabled) debug(lineOf(published))', why: LOG }],
  'lib/fetch/handle-once.ts': [
    {
      line: "if (progress === 'done') return new Response(null, plain({ status: 200 }))",
      mutants: ['{ status: 200 } => {}'],
      why: 'the default is the same',
    },
  ],
  'lib/identity.ts': [
    {
      line: "permissions === 'OWNER' || (permissions?.split(/[\\s,]/).includes('OWNER') ?? false)",
      mutants: ["permissions === 'OWNER' => false"],
      why: 'a shortcut: the rest of the line finds it as well',
    },
  ],
  'lib/internal/answered.ts': [{ line: '} catch {', why: FALSY }],
  'lib/internal/cache.ts': [
    {
      line: 'throw new Error(`passport-wix-app needs Node ^20.19.0 || >=22.12.0, and this is ${process.version}`)',
      why: OTHER_PROGRAM,
    },
    {
      line: 'return identity === undefined ? copy : markSigned(copy, identity)',
      mutants: ['identity === undefined => false'],
      why: 'an error that is marked with undefined is as one without a mark',
    },
  ],
  'lib/internal/circuit.ts': [{ line: 'round++', mutants: ['round++ => round--'], why: NEW_ROUND }],
  'lib/internal/fetch-request.ts': [
    {
      line: "if (value !== undefined && JOINED.test(value)) throw refusal('request_invalid', 'sent twice')",
      mutants: ['value !== undefined => true'],
      why: 'only for the compiler: the text `undefined` has no comma',
    },
  ],
  'lib/internal/hints.ts': [
    {
      line: 'const SEPARATORS = /[\\s"\'`,;&?:]+|=(?=[^=])/',
      mutants: ['/[\\s"\'`,;&?:]+|=(?=[^=])/ => /[\\s"\'`,;&?:]|=(?=[^=])/'],
      why: 'it saves a look at the empty parts between two separators, which are no credential',
    },
  ],
  'lib/internal/jwt.ts': [
    {
      line: "if (['crit', 'b64', 'zip'].some((name) => Object.hasOwn(header, name)))",
      mutants: [`'crit' => ""`],
      why: 'jose refuses each `crit` itself, save that of `b64`, whose header then has a `b64` as well',
    },
    {
      line: "joseVerify ??= (await import('jose/jwt/verify')).jwtVerify",
      why: 'jose is loaded once for a process, and the tests of many mutants share one: in a process of its own, every test fails',
    },
  ],
  'lib/internal/log.ts': [
    {
      line: "export const debug: DebugLogger = debuglog('passport-wix-app')",
      mutants: [`'passport-wix-app' => ""`],
      why: LOG,
    },
    { line: '} catch {', why: LOG },
    { line: 'debug(`${who}: nothing was reported, because the request or the error cannot be read`)', why: LOG },
  ],
  'lib/internal/remote-key-set.ts': [
    {
      line: '} catch {',
      mutants: ['{\n    return false\n  } => {}'],
      why: FALSY,
    },
    { line: 'let readAt = -Infinity', why: BOTH_CLOCKS },
    { line: 'let read = -Infinity', why: BOTH_CLOCKS },
  ],
  'lib/internal/transport.ts': [
    {
      line: "response.on('error', reject)",
      why: 'Node itself keeps the error of an answer from whoever does not listen: the listener is for a runtime that ends the process for it',
    },
  ],
  'lib/look-up.ts': [
    {
      line: "else if (decidedBy === 'done') debug(`${name}: the verify callback called done() again; the first call counts`)",
      why: LOG,
    },
    { line: "decide('done')", why: LOG },
    { line: "decide('failure')", why: 'a decision that is neither by done() nor by a return needs no name' },
    { line: '() => debug(`${name}: the verify callback has not decided after ${SLOW} s`),', why: LOG },
    { line: 'SLOW * 1000,', why: LOG },
  ],
  'lib/middleware/deduplicate.ts': [
    {
      line: 'const stores = admittedBy.get(res) ?? []',
      mutants: ['[] => ["Stryker was here"]'],
      why: 'no store is a text',
    },
  ],
  'lib/middleware/deliveries.ts': [
    {
      line: "const ANSWERED = { done: { status: 200, hint: 'handled before' }, busy: { status: 503, hint: 'in flight' } }",
      why: LOG,
    },
    { line: "if (debug.enabled && progress !== 'new') log(ANSWERED[progress], event, request)", why: LOG },
    { line: '): void => {', why: LOG },
    {
      line: 'const told = { strategy: caller, status, code: null, hint: hint + idHint(idOf(event)), error: null }',
      why: LOG,
    },
    { line: 'quietly(caller, () => debug(lineOf({ ...told, identity: event, request })))', why: LOG },
  ],
  'lib/middleware/event-key.ts': [
    {
      line: 'isObject(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))) : value',
      mutants: ['a < b => a <= b'],
      why: NAMES,
    },
  ],
  'lib/sessions/new-key.ts': [{ line: 'one < other ? -1 : 1,', mutants: ['one < other => one <= other'], why: NAMES }],
  'lib/sessions/own-keys.ts': [
    { line: "const trial = Buffer.from('trial')", mutants: [`'trial' => ""`], why: 'any text can be signed' },
    {
      line: "const hash = publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'",
      mutants: ["publicKey.asymmetricKeyType === 'ed25519' => true"],
      why: 'OpenSSL takes SHA-256 where none is named',
    },
  ],
  'lib/sessions/strategy.ts': [
    {
      line: 'return tokenVerifier(remoteKeySet(jwksUri), Object.assign(options, { issuer, audience }))',
      mutants: ['{ issuer, audience } => {}'],
      why: 'the options have them already, which only the compiler does not know',
    },
  ],
  'lib/strategies/app-hints.ts': [
    {
      line: '} catch {',
      why: NOTHING,
    },
    {
      line: 'return appId !== undefined && isSameId(app, appId)',
      mutants: ['appId !== undefined => true'],
      why: 'no app ID is none: the comparison says so, too',
    },
    {
      line: "const [signature = '', data, more] = instance.split('.', 3)",
      mutants: [`'' => "Stryker was here!"`],
      why: COMPILER,
    },
  ],
  'lib/strategies/app.ts': [
    {
      line: "if (typeof appId === 'function' && expectedAppId !== undefined) mustNotBeAppId(caller, secrets, expectedAppId)",
      mutants: [
        "typeof appId === 'function' && expectedAppId !== undefined => typeof appId === 'function' || expectedAppId !== undefined",
        "typeof appId === 'function' => true",
      ],
      why: 'a fixed app ID was compared before: it passes once more',
    },
    {
      line: "if (typeof appId === 'function' && expectedAppId !== undefined) mustNotBeAppId(caller, secrets, expectedAppId)",
      mutants: ['expectedAppId !== undefined => true'],
      why: COMPILER,
    },
    {
      line: "const instanceFromWix = oneOf<unknown>(fromQuery('instance'), (req) => INSTANCE.exec(authorization(req) ?? '')?.[1])",
      mutants: [`'' => "Stryker was here!"`],
      why: 'neither has the form of an instance',
    },
  ],
  'lib/strategies/webhook.ts': [{ line: '} catch {', why: NOTHING }],
  'lib/userinfo/ask.ts': [
    {
      line: "return prepare(fetch, now)(`${url} ${authorization ?? ''}`, url, authorization, timeout)",
      mutants: [`'' => "Stryker was here!"`],
      why: 'a key of the cache: anything that is no `Authorization` stands for none',
    },
  ],
  'lib/userinfo/resolve.ts': [
    {
      line: 'const { tokenResponse, token, baseUrl, origins = [], fetch = httpFetch, timeout = 2, now } = context',
      mutants: ['[] => ["Stryker was here"]'],
      why: 'no URL has such an origin',
    },
  ],
}
