import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Page, PageTest } from '../docs-page.ts'
import { freePort } from '../free-port.ts'

const MAIN = join(import.meta.dirname, '../../../devtools/main.ts')
const SIMULATE = `"${process.execPath}" --import tsx "${MAIN}" simulate --port 0`
const HERE = 'the claims of this page run it, on a free port'

const CODESPACE = { CODESPACE_NAME: 'my-space', GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN: 'app.github.dev' }

/** Starts what the page says, with a server in place of the app, and answers the address of the dashboard. */
async function dashboardOf(page: Page, command: string): Promise<string> {
  await page.write('server.mjs', 'import { createServer } from "node:http"; createServer().listen(process.env.PORT)')
  const { npm_command: _command, ...inherited } = process.env
  const env = { ...inherited, ...CODESPACE, PORT: String(await freePort()) }
  const shell = command.replace('npx passport-wix-app simulate', SIMULATE)
  const child = spawn('sh', ['-c', `exec ${shell}`], { cwd: page.folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stderr.on('data', (data) => (output += String(data)))
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += String(chunk)
    if (output.includes('Ctrl-C stops')) break
  }
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  await closed
  expect(child.exitCode, output).to.equal(0)
  return /^The simulator is ready: (\S+)$/m.exec(output)?.[1] ?? output
}

const KEY = '\\?key=[\\w-]{43}$'

export default {
  notRun: {
    'npx passport-wix-app simulate -- node server.mjs': HERE,
    CODESPACE_NAME: HERE,
    'wix.tunnel.example': HERE,
    '192.168.1.5': HERE,
  },
  claims: {
    'start the simulator in a dev container without a key': async (page) => {
      expect(await dashboardOf(page, 'npx passport-wix-app simulate -- node server.mjs')).to.match(
        /^http:\/\/127\.0\.0\.1:\d+$/,
      )
    },
    'start the simulator in a container of Docker Compose, with the app or beside it': async (page) => {
      const commands = page.blocks
        .filter(({ language, code }) => language === 'json' && code.includes('"services"'))
        .flatMap(({ code }) => {
          const { services } = JSON.parse(code) as { services: Record<string, { command?: string[] }> }
          return Object.values(services).flatMap(({ command }) => command?.join(' ') ?? [])
        })
      expect(commands).to.have.length(2)
      for (const command of commands) {
        expect(await dashboardOf(page, command)).to.match(new RegExp(`^http://127\\.0\\.0\\.1:\\d+/${KEY}`))
      }
    },
    'start the simulator under the address of a Codespace, a tunnel, and a network': async (page) => {
      for (const [part, address] of [
        ['CODESPACE_NAME', 'https://my-space-4949\\.app\\.github\\.dev/'],
        ['wix.tunnel.example', 'https://wix\\.tunnel\\.example/'],
        ['192.168.1.5', 'http://192\\.168\\.1\\.5:4949/'],
      ] as const) {
        const block = page.blocks.find(({ language, code }) => language === 'sh' && code.includes(part))
        expect(await dashboardOf(page, block?.code ?? '')).to.match(new RegExp(`^${address}${KEY}`))
      }
    },
  },
} satisfies PageTest
