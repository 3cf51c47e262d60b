// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { type ChildProcess, execFile, spawn } from 'node:child_process'
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

describeWith(CHROMIUM, 'A newcomer with an empty folder and docs/simulator.md', function (executablePath) {
  let folder: string
  let tarball: string
  const children: ChildProcess[] = []
  /** Without what a machine of tests has set. */
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(WIX_|PORT$|NODE_OPTIONS$|npm_config_local_prefix$)/.test(name)),
  )

  before(async function () {
    this.timeout(60_000)
    folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
    const packed = await execute('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: root,
    })
    const [info] = JSON.parse(packed.stdout) as { filename: string }[]
    tarball = join(folder, info?.filename ?? '')
  })
  after(async () => {
    // With what npx has started.
    for (const child of children) {
      if (child.exitCode === null && child.signalCode === null) process.kill(-Number(child.pid), 'SIGKILL')
    }
    await rm(folder, { recursive: true, force: true })
  })

  const start = (shell: string, variables: NodeJS.ProcessEnv = {}): ChildProcess => {
    const child = spawn('sh', ['-c', shell], { cwd: folder, env: { ...env, ...variables }, detached: true })
    children.push(child)
    return child
  }

  it('gets to a dashboard page that greets the owner, in at most 15 lines and one minute', async function () {
    // A minute on a machine with nothing else to do.
    this.timeout(120_000)
    const blocks = blocksOf(await readFile(join(root, 'docs/simulator.md'), 'utf8'))
    const shell = (part: string): string => blocks.find(({ code }) => code.includes(part))?.code ?? part
    const app = filesOf(blocks).get('app.mjs') ?? ''
    const lines = app.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//'))
    expect(lines.length).to.be.within(5, 15)

    const install = shell('npm init').replace(' passport-wix-app', ` --prefer-offline --no-audit --no-fund ${tarball}`)
    await execute('sh', ['-ec', install], { cwd: folder, env })
    await writeFile(join(folder, 'app.mjs'), app)

    // The ports of the page may be taken here.
    const port = String(await freePort())
    const command = shell('simulate -- node').replace('simulate', 'simulate --port 0')
    const simulator = start(command, { PORT: port })
    let output = ''
    const printed = async (text: string): Promise<void> => {
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
      const greeting = page.frameLocator('#frame').getByRole('heading', { name: /^Hello, owner [\da-f-]{36}$/ })
      // The app may take a moment to start: the dashboard says so until then.
      while (!(await greeting.isVisible())) {
        await page.getByRole('button', { name: 'Reload' }).click()
        await greeting.waitFor({ timeout: 500 }).catch(() => undefined)
      }
      // And one that is refused tells why, in the same terminal.
      await page.locator('select[name=credential]').selectOption('forged')
      await printed('signature_invalid')
    } finally {
      await browser.close()
    }
  })
})
