import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { serve } from '../support/serve.ts'
import { exampleApp } from '../support/example-app.ts'

/** Runs a `curl` command. */
async function run(command: string): Promise<number> {
  const { groups } = /(--data-raw '(?<body>[^']*)' )?(?<url>\S+)$/.exec(command) ?? {}
  const headers = [...command.matchAll(/-H '([^:]+): ([^']*)'/g)].map(([, name, value]) => [name, value])
  const body = groups?.['body']
  const response = await fetch(String(groups?.['url']), {
    headers: Object.fromEntries(headers) as Record<string, string>,
    ...(body !== undefined && { method: 'POST', body }),
  })
  return response.status
}

describe('At start-up, the example app', () => {
  const app = exampleApp()
  const { get, rows } = app

  it('signs the links of the start page again for each request', async () => {
    const { page } = await get('/')
    const links = [...page.matchAll(/href="(\/dashboard[^"]+)"/g)].map(([, link]) => String(link))
    const statuses = await Promise.all(links.map(async (link) => (await get(link)).status))

    expect(statuses).to.deep.equal([200, 200, 403])
    expect((await get('/')).page).to.not.include(String(links[0]))
  })

  it('signs nothing with the secret from Wix, and says what to do instead', async () => {
    const ofWix = await serve(app.createBare())
    const page = await (await fetch(ofWix.url)).text()
    await ofWix.close()

    expect(page).to.include('Open it from Wix').and.to.not.include('instance=')
  })

  it('shows seven commands on the start page, which all work', async () => {
    const { page } = await get('/')
    const commands = [...page.matchAll(/<code>(curl [^<]*)<\/code>/g)].map(([, command]) =>
      String(command).replaceAll('&#39;', "'").replaceAll('&quot;', '"'),
    )
    const statuses: number[] = []
    for (const command of commands) statuses.push(await run(command))

    expect(statuses).to.deep.equal([200, 200, 200, 200, 200, 200, 200])
    expect(rows('events')).to.have.lengthOf(4)
  })

  it('prints links and commands, which all work', async () => {
    const { WIX_APP_SECRET: _, SESSION_KEYS: __, ...env } = process.env
    const server = spawn(process.execPath, ['--import', 'tsx', 'example-app/server.ts'], {
      env: { ...env, PORT: '0', DATABASE: join(app.folder, 'started.db') },
    })
    try {
      let output = ''
      for await (const chunk of server.stdout.setEncoding('utf8')) {
        output += String(chunk)
        if (output.includes('With WIX_APP_SECRET')) break
      }
      expect(output).to.include('SESSION_KEYS')
      const links = output.match(/http:\S+instance=\S+/g) ?? []
      const statuses = await Promise.all(links.map(async (link) => (await fetch(link)).status))
      expect(statuses).to.deep.equal([200, 200, 403])

      const [remove, install, ...others] = output.match(/^curl .+$/gm) ?? []
      expect(await run(String(remove))).to.equal(200)
      expect((await fetch(String(links[0]))).status).to.equal(401)
      expect(await run(String(install))).to.equal(200)
      expect((await fetch(String(links[0]))).status).to.equal(200)
      expect(await Promise.all(others.map(run))).to.deep.equal([200, 200, 200, 200, 200])
    } finally {
      server.kill()
    }
  })

  /** Starts it with these variables, and waits until it has ended. */
  async function failedStart(variables: NodeJS.ProcessEnv): Promise<[code: unknown, output: string]> {
    const server = spawn(process.execPath, ['--import', 'tsx', 'example-app/server.ts'], {
      env: { ...process.env, PORT: '0', DATABASE: join(app.folder, 'started.db'), ...variables },
    })
    let output = ''
    server.stderr.setEncoding('utf8').on('data', (chunk) => (output += String(chunk)))
    // Only a server that starts prints anything here.
    server.stdout.once('data', () => server.kill())
    const [code] = (await once(server, 'close')) as unknown[]
    return [code, output]
  }

  for (const port of ['abc', '', '1e3', '3000.5', '-1', '65536']) {
    it(`does not start with PORT=${port}, and says what it must be`, async () => {
      expect(await failedStart({ PORT: port })).to.deep.equal([
        1,
        `PORT must be a number from 0 to 65535, got "${port}"\n`,
      ])
    })
  }

  it('does not start with a DATABASE that it cannot write, and says what it must be', async () => {
    const junk = join(app.folder, 'junk.db')
    await writeFile(junk, 'This is not a database.')
    for (const database of [join(app.folder, 'nowhere/data.db'), app.folder, junk]) {
      const [code, output] = await failedStart({ DATABASE: database })

      expect(output).to.match(/^DATABASE must be a file that this server can create and write, got ".*": .+\n$/)
      expect(output).to.include(`got "${database}": `)
      expect(code).to.equal(1)
    }
  })

  it('does not start with an empty DATABASE, which would be lost when it ends', async () => {
    const [code, output] = await failedStart({ DATABASE: '' })

    expect(output).to.match(/^DATABASE must be a file .*\n$/)
    expect(code).to.equal(1)
  })

  for (const keys of ['', '[{"kid":"secret-part"', '[]', '{}']) {
    it(`does not start with SESSION_KEYS=${keys}, and prints nothing of it`, async () => {
      const [code, output] = await failedStart({ SESSION_KEYS: keys })

      expect(output)
        .to.match(/TypeError: .*keys/i)
        .and.to.not.include('secret-part')
      expect(code).to.equal(1)
    })
  }
})
