import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { describeWith } from '../support/left-out.ts'
import { TOOLS } from '../support/programs.ts'
import { Consumer } from './consumer.ts'

/** A function of a serverless host, with all that it needs in one file. */
const HANDLER = `
import { WixAppStrategy, WixWebhookStrategy } from 'passport-wix-app'
import { authenticateRequest, toResponse } from 'passport-wix-app/fetch'

const strategies = [
  new WixAppStrategy({ secret: process.env.WIX_APP_SECRET }, ({ instanceId }) => ({ instanceId })),
  new WixWebhookStrategy({ publicKey: process.env.WIX_PUBLIC_KEY }),
]

export async function handler(request) {
  const strategy = strategies[request.method === 'POST' ? 1 : 0]
  try {
    const { identity } = await authenticateRequest(request, strategy)
    return Response.json({ instanceId: identity.instanceId, eventType: identity.eventType ?? null })
  } catch (error) {
    return toResponse(error)
  }
}
`

/** Calls the handler of a bundle, which lies where no packages are. What it signs with is installed. */
const CALLER = `
import { generateAppKeys, signInstance, signWebhook } from 'passport-wix-app/testing'

const keys = generateAppKeys()
process.env.WIX_APP_SECRET = 'my-secret'
process.env.WIX_PUBLIC_KEY = keys.publicKey
const bundle = await import(process.argv[2])
const { handler } = bundle.handler ? bundle : bundle.default

const page = (secret) =>
  new Request('https://localhost/?instance=' + signInstance({ instanceId: 'site-1' }, secret))
const webhook = (privateKey) => {
  const event = { instanceId: 'site-2', eventType: 'AppInstalled', data: { appId: 'my-app' } }
  return new Request('https://localhost/', { method: 'POST', body: signWebhook(event, privateKey) })
}
const answers = []
for (const request of [page('my-secret'), page('another'), webhook(keys.privateKey), webhook(generateAppKeys().privateKey)]) {
  const answer = await handler(request)
  answers.push([answer.status, (({ message, ...rest }) => rest)(await answer.json())])
}
console.log(JSON.stringify(answers))
`

/** Each prints nothing and fails at a warning; its argument is the folder of the bundles. */
const PROGRAMS = (packages: string): Record<string, string> => ({
  'esbuild.mjs': `
import { createRequire } from 'node:module'
const { build } = createRequire(import.meta.url)(${JSON.stringify(join(packages, 'esbuild'))})
for (const [format, extension] of [['esm', 'mjs'], ['cjs', 'cjs']]) {
  const outfile = process.argv[2] + '/esbuild.' + extension
  const { warnings } = await build({ entryPoints: ['handler.mjs'], bundle: true, minify: true, platform: 'node', format, outfile })
  if (warnings.length > 0) throw new Error(JSON.stringify(warnings))
}
`,
  'webpack.mjs': `
import { createRequire } from 'node:module'
const webpack = createRequire(import.meta.url)(${JSON.stringify(join(packages, 'webpack'))})
const options = {
  mode: 'production',
  target: 'node20',
  entry: './handler.mjs',
  output: { path: process.argv[2], filename: 'webpack.cjs', library: { type: 'commonjs2' } },
}
webpack(options, (error, stats) => {
  if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString())
})
`,
  'rollup.mjs': `
import { createRequire } from 'node:module'
const require = createRequire(${JSON.stringify(join(packages, 'package.json'))})
const { rollup } = require('rollup')
const bundle = await rollup({
  input: 'handler.mjs',
  external: /^node:/,
  plugins: [require('@rollup/plugin-node-resolve')({ exportConditions: ['node'] }), require('@rollup/plugin-commonjs')()],
  onwarn(warning) {
    throw new Error(warning.message)
  },
})
await bundle.write({ file: process.argv[2] + '/rollup.mjs', format: 'es', inlineDynamicImports: true })
await bundle.write({ file: process.argv[2] + '/rollup.cjs', format: 'cjs', inlineDynamicImports: true })
`,
})

describeWith(TOOLS, 'A bundle with the package in it', function (packages) {
  this.timeout(60_000)
  let consumer: Consumer
  let bundles: string

  before(async () => {
    bundles = await mkdtemp(join(tmpdir(), 'passport-wix-app-bundles-'))
    consumer = await Consumer.make({ 'handler.mjs': HANDLER, 'caller.mjs': CALLER, ...PROGRAMS(packages) })
  })
  after(async () => {
    await consumer.close()
    await rm(bundles, { recursive: true, force: true })
  })

  for (const [bundler, extensions] of [
    ['esbuild', ['mjs', 'cjs']],
    ['webpack', ['cjs']],
    ['rollup', ['mjs', 'cjs']],
  ] as const) {
    it(`verifies an instance and a webhook, made with ${bundler} as ${extensions.join(' and ')}`, async () => {
      const built = await consumer.run([`${bundler}.mjs`, bundles])
      expect(built).to.deep.equal({ code: 0, output: '' })
      for (const extension of extensions) {
        const file = pathToFileURL(join(bundles, `${bundler}.${extension}`))
        const ran = await consumer.run(['caller.mjs', file.href])
        expect(ran.code, ran.output).to.equal(0)
        expect(JSON.parse(ran.output.split('\n')[0] ?? '')).to.deep.equal([
          [200, { instanceId: 'site-1', eventType: null }],
          [401, { code: 'signature_invalid' }],
          [200, { instanceId: 'site-2', eventType: 'AppInstalled' }],
          [401, { code: 'signature_invalid' }],
        ])
      }
    })
  }
})
