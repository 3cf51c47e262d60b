// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { chromium } from 'playwright-core'
import { CHROMIUM_OPTIONS } from '../support/browser.ts'
import { blocksOf, filesOf } from '../support/docs-page.ts'
import { freePort } from '../support/free-port.ts'
import { describeWith } from '../support/left-out.ts'
import { CHROMIUM } from '../support/programs.ts'

const root = join(import.meta.dirname, '../..')
const execute = promisify(execFile)

/** Two pages that begin with nothing, each with its program. */
const PAGES = [
  ['README.md', 'server.mjs'],
  ['docs/simulator.md', 'app.mjs'],
] as const

/** What the terminal prints, without what differs each time. */
const settled = (text: string): string[] =>
  text
    .replaceAll(/\d+ ms/g, '1 ms')
    .replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, '...')
    .split('\n')

describeWith(CHROMIUM, 'A newcomer with an empty folder', function (executablePath) {
  let parent: string
  let tarball: string
  const children: ChildProcess[] = []
  /** Without what a machine of tests has set. */
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(WIX_|PORT$|NODE_OPTIONS$|npm_config_local_prefix$)/.test(name)),
  )

  before(async function () {
    this.timeout(60_000)
    parent = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
    const packed = await execute('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', parent], {
      cwd: root,
    })
    const [info] = JSON.parse(packed.stdout) as { filename: string }[]
    tarball = join(parent, info?.filename ?? '')
  })
  after(async () => {
    // The simulator ends the app, which is not in its group; all of them have the pipe.
    for (const child of children) {
      child.stdout?.resume()
      if (child.exitCode !== null || child.signalCode !== null) continue
      process.kill(-Number(child.pid), 'SIGTERM')
      await once(child, 'close')
    }
    await rm(parent, { recursive: true, force: true })
  })

  const start = (folder: string, shell: string, variables: NodeJS.ProcessEnv = {}): ChildProcess => {
    const child = spawn('sh', ['-c', shell], {
      cwd: folder,
      env: { ...env, ...variables },
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    children.push(child)
    return child
  }

  for (const [name, program] of PAGES) {
    it(`gets from ${name} to a page that greets the owner, and to the reason of a refusal, in at most 15 lines and one minute`, async function () {
      // A minute on a machine with nothing else to do.
      this.timeout(120_000)
      const blocks = blocksOf(await readFile(join(root, name), 'utf8'))
      const shell = (part: string): string => blocks.find(({ code }) => code.includes(part))?.code ?? part
      const app = filesOf(blocks).get(program) ?? ''
      const lines = app.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//'))
      expect(lines.length).to.be.within(5, 15)

      const folder = await mkdtemp(join(parent, 'app-'))
      const install = shell('npm init').replace(
        ' passport-wix-app',
        ` --prefer-offline --no-audit --no-fund ${tarball}`,
      )
      await execute('sh', ['-ec', install], { cwd: folder, env })
      await writeFile(join(folder, program), app)

      // The ports of the page may be taken here.
      const port = String(await freePort())
      const command = shell('simulate -- node').replace('simulate', 'simulate --port 0')
      const simulator = start(folder, command, { PORT: port })
      let output = ''
      const printed = async (text: string): Promise<void> => {
        if (output.includes(text)) return
        for await (const chunk of simulator.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
          output += String(chunk)
          if (output.includes(text)) return
        }
      }
      await printed('Ctrl-C stops it and your app')
      const url = /^The simulator is ready: (\S+)$/m.exec(output)?.[1] ?? ''

      const browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
      try {
        const page = await browser.newPage()
        await page.goto(url)
        // The app may take a moment to start: the dashboard says so until then, and follows by itself.
        await page
          .frameLocator('#frame')
          .getByRole('heading', { name: /^Hello/ })
          .waitFor()
        await printed('Opened the dashboard (owner)  <- 200')
        // And one that is refused tells why, in the same terminal and in its row.
        await page.locator('select[name=person]').selectOption('visitor')
        await printed('insufficient_scope')
        await page.locator('select[name=person]').selectOption('owner')
        await page.locator('select[name=credential]').selectOption('forged')
        await printed('signature_invalid')
        await page.getByText('signature_invalid: the secret does not fit').first().waitFor()
      } finally {
        await browser.close()
      }
      const shown = settled(blocks.find(({ code }) => code.startsWith('-> '))?.code.trimEnd() ?? '')
      expect(shown.length).to.be.above(2)
      expect(settled(output)).to.include.members(shown)
    })
  }
})
