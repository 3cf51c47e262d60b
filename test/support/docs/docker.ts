import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type Page, type PageTest, type Running } from '../docs-page.ts'

/** What Docker would run, with what the image has in its environment. */
const start = async (page: Page): Promise<Running> => {
  const dockerfile = page.blocks.find(({ language }) => language === 'dockerfile')?.code ?? ''
  const [, variables = ''] = /^ENV (.*)$/m.exec(dockerfile) ?? []
  const [, command = '[]'] = /^CMD (.*)$/m.exec(dockerfile) ?? []
  const [program, file] = JSON.parse(command) as string[]
  expect([program, new RegExp(`^COPY ${file} `, 'm').test(dockerfile)]).to.deep.equal(['node', true])
  const environment = variables.split(' ').map((variable) => variable.split('='))
  return page.start(String(file), Object.fromEntries(environment) as Record<string, string>)
}

export default {
  notRun: { 'docker compose': 'the tests need no Docker' },
  claims: {
    'listens on all addresses, and signs in the owner': async (page) => {
      const server = await start(page)
      const { port } = new URL(server.url)
      // An address of this machine that is not 127.0.0.1; only Linux has it without being told.
      if (process.platform === 'linux') expect((await fetch(`http://127.0.0.2:${port}/health`)).status).to.equal(200)
      const owner = signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER' }, APP_SECRET)
      const answer = await server.ask(`/dashboard?instance=${owner}`)
      expect(await answer.json()).to.deep.equal({ user: { instanceId: 'site-1', subjectId: 'me' } })
    },
    'is found healthy while it runs, ends at SIGTERM, and is then found ill': async (page) => {
      const server = await start(page)
      const compose = JSON.parse(page.blocks.find(({ language }) => language === 'json')?.code ?? '')
      const [, program, option, script] = compose.services.app.healthcheck.test as string[]
      expect([program, option]).to.deep.equal(['node', '-e'])
      const code = String(script).replace('http://127.0.0.1:3000', server.url)
      const check = () => promisify(execFile)(process.execPath, ['-e', code])
      await check()
      server.child.kill('SIGTERM')
      expect(await once(server.child, 'exit')).to.deep.equal([0, null])
      expect(await check().catch((error: unknown) => error)).to.have.property('code', 1)
    },
    'is behind a proxy whose logs have no address with its query': async (page) => {
      const nginx = page.blocks.find(({ language }) => language === 'nginx')?.code ?? ''
      const [, format = ''] = /^ *log_format path '(.*)';/m.exec(nginx) ?? []
      const variables = ['$remote_addr', '$time_local', '$request_method', '$uri', '$status']
      expect(format.match(/\$\w+/g)).to.deep.equal(variables)
      const logs = [...nginx.matchAll(/^ *(\w+_log) \S+ (\w+);/gm)].map(([, name, how]) => [name, how])
      expect(logs).to.deep.equal([
        ['access_log', 'path'],
        ['error_log', 'crit'],
      ])
    },
  },
} satisfies PageTest
