// What a function pays when it starts: a new process that loads what it needs and answers one request, in processor time. Needs esbuild of the tests:
// npm install --no-save --prefix test/tools
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { generateAppKeys, signInstance, signWebhook } from 'passport-wix-app/testing'

const TURNS = 40
const { buildSync } = createRequire(new URL('../test/tools/package.json', import.meta.url))('esbuild')
// Inside of the repository, so that Node finds the packages.
const folder = mkdtempSync(join(import.meta.dirname, '.cold-start-'))

const keys = generateAppKeys()
const secret = 'my-secret'
const instance = JSON.stringify(signInstance({ instanceId: 'site', uid: 'me' }, secret))
const webhook = JSON.stringify(signWebhook({ instanceId: 'site', eventType: 'AppInstalled' }, keys.privateKey))
const publicKey = JSON.stringify(keys.publicKey)
const express = "import express from 'express'\nimport passport from 'passport'\nexpress().use(passport.initialize())\n"

const verifyInstance = `import { instanceVerifier } from 'passport-wix-app'
await instanceVerifier({ secret: '${secret}' })(${instance})\n`
const verifyWebhook = `import { webhookVerifier } from 'passport-wix-app'
await webhookVerifier({ publicKey: ${publicKey} })(${webhook})\n`

const OWN_TIME = `const { user, system } = process.cpuUsage()
process.stdout.write(String(user + system))`

/** The name of a case, and the file that runs it. */
const cases = new Map()

const file = (name, content) => {
  const path = join(folder, `${cases.size}.mjs`)
  writeFileSync(path, content + OWN_TIME)
  cases.set(name, path)
  return path
}

const bundle = (name, content) => {
  const entry = file(name, content)
  const outfile = entry.replace('.mjs', '.bundle.mjs')
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" }
  buildSync({ entryPoints: [entry], outfile, banner, bundle: true, minify: true, platform: 'node', format: 'esm' })
  cases.set(name, outfile)
}

/** Milliseconds of processor time from the start of the process to its end, which it prints itself. */
const run = (path) => Number(execFileSync(process.execPath, [path], { env: {} })) / 1000

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

try {
  file('nothing', '')
  file('Express and Passport', express)
  file('an instance', verifyInstance)
  file('a webhook', verifyWebhook)
  file('Express, Passport, an instance and a webhook', express + verifyInstance + verifyWebhook)
  bundle('bundle: Express and Passport', express)
  bundle('bundle: an instance', verifyInstance)
  bundle('bundle: a webhook', verifyWebhook)
  bundle('bundle: Express, Passport, an instance and a webhook', express + verifyInstance + verifyWebhook)

  const times = new Map(Array.from(cases.keys(), (name) => [name, []]))
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [name, path] of cases) times.get(name).push(run(path))
  }
  const bare = median(times.get('nothing'))
  const base = median(times.get('Express and Passport')) - bare
  console.log(`\nA cold start, beyond the ${bare.toFixed(0)} ms of an empty program on Node ${process.versions.node}`)
  for (const [name, path] of cases) {
    const time = median(times.get(name)) - bare
    const size = path.endsWith('.bundle.mjs') ? `${Math.round(statSync(path).size / 1024)} KB` : ''
    console.log(
      `  ${name.padEnd(54)} ${time.toFixed(0).padStart(5)} ms ${(time / base).toFixed(2).padStart(7)} x  ${size}`,
    )
  }
} finally {
  rmSync(folder, { recursive: true })
}
