import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { generateSessionKey, instanceVerifier, SessionTokens } from '../../../lib/index.ts'
import { signDigest, signInstance, signWebhook } from '../../../devtools/testing/index.ts'
import { APP_ID, APP_KEYS, APP_SECRET, type Page, type PageTest } from '../docs-page.ts'
import { KeySetServer } from '../key-set-server.ts'

const COMMAND = join(import.meta.dirname, '../../../dist/devtools/main.js')
const INSTANCE = {
  instanceId: 'c4a1f2b8-1111-4111-8111-111111111111',
  appDefId: '5e2d9a41-1111-4111-8111-111111111111',
  uid: '0d7be3aa-1111-4111-8111-111111111111',
  permissions: 'OWNER',
}

/** Runs a block of the page, in which `npx` runs the command of this repository; also one that ends with an exit code. */
async function shell(
  page: Page,
  part: string,
  appId: string = INSTANCE.appDefId,
): Promise<{ stdout: string; code: number }> {
  await mkdir(join(page.folder, 'bin'), { recursive: true })
  await page.write('bin/npx', `#!/bin/sh\nshift\nexec "${process.execPath}" "${COMMAND}" "$@"\n`)
  await chmod(join(page.folder, 'bin/npx'), 0o755)
  const PATH = `${join(page.folder, 'bin')}:${process.env['PATH']}`
  return page.shell(part, undefined, { PATH, WIX_APP_ID: appId }).then(
    (stdout) => ({ stdout, code: 0 }),
    (error: unknown) => error as { stdout: string; code: number },
  )
}

const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString()
const undated = (output: string): string => output.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'DATE')

export default {
  claims: {
    'say of an old instance in an address what the page shows': async (page) => {
      const { instanceId, appDefId, ...rest } = INSTANCE
      const payload = { instanceId, appDefId, signDate: hoursAgo(26), ...rest, expirationDate: undefined }
      await page.write('address.txt', `https://app.example/dashboard?instance=${signInstance(payload, APP_SECRET)}\n`)
      const { stdout, code } = await shell(page, 'inspect < address.txt')
      expect(code).to.equal(1)
      expect(undated(stdout)).to.equal(undated(page.blocks.find(({ language }) => language === 'text')?.code ?? ''))
    },
    'verify each kind of credential': async (page) => {
      const { privateKey, publicKey } = APP_KEYS
      const instance = signInstance({ ...INSTANCE, appDefId: APP_ID }, APP_SECRET)
      await page.write('secret.txt', `${APP_SECRET}\n`)
      await page.write('instance.txt', instance)
      await page.write('public-key.pem', publicKey)
      await page.write('webhook.txt', signWebhook({ instanceId: 'i', eventType: 'AppInstalled', data: {} }, privateKey))
      await page.write('body.json', '{"amount":100}')
      await page.write('digest.txt', `Digest: ${signDigest('{"amount":100}', privateKey)}`)
      const keys = [await generateSessionKey()]
      const tokens = new SessionTokens({ keys, issuer: 'https://app.example', audience: 'api' })
      await page.write('session.txt', await tokens.issue(await instanceVerifier({ secret: APP_SECRET })(instance)))
      await page.write('access-token.txt', page.wix.accessToken({ instanceId: 'i' }))
      const server = new KeySetServer(() => tokens.jwks())
      await server.open()
      page.hosts['https://app.example'] = new URL(server.url).origin
      try {
        const { stdout } = await shell(page, '--secret-file', APP_ID)
        expect(stdout.match(/^(This|Verdict|Hint).*$/gm)).to.deep.equal([
          'This is an instance.',
          'Verdict: good, for a route that uses WixAppStrategy',
          'This is a webhook.',
          'Verdict: good, for a route that uses WixWebhookStrategy',
          'This is a Digest header.',
          'Verdict: good, for a route that uses WixDigestStrategy',
          'This is an access token.',
          'Verdict: good, for a route that uses WixAccessTokenStrategy',
          'This is a session token.',
          'Verdict: good, for a route that uses WixSessionStrategy',
        ])
      } finally {
        await server.close()
      }
    },
    'tell a script the verdict and the hint': async (page) => {
      const { stdout } = await shell(page, 'report.json')
      expect(stdout).to.equal('exit code 1\nrefused: signed 26 h ago; maxAge is 24 h\n')
    },
  },
} satisfies PageTest
