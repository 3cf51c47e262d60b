import { lstat, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { expect } from 'chai'
import { type SimulatorEnvironment, startSimulator } from '../../../devtools/simulator/index.ts'

describe('The folder of the simulator', () => {
  let parent: string
  let folder: string

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
    folder = join(parent, '.wix-simulator')
  })
  afterEach(() => rm(parent, { recursive: true, force: true }))

  const start = async (port = 0): Promise<SimulatorEnvironment> => {
    const simulator = await startSimulator({ app: 'http://localhost:9/', folder, port })
    await simulator.close()
    return simulator.environment
  }
  const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

  it('is for its owner alone, and git ignores it', async () => {
    await mkdir(folder, { mode: 0o755 })
    await start()
    expect(await mode(folder)).to.equal('700')
    expect(await readFile(join(folder, '.gitignore'), 'utf8')).to.equal('*\n')
    for (const name of ['keys.json', 'env']) {
      expect((await lstat(join(folder, name))).isFile()).to.equal(true)
      expect(await mode(join(folder, name))).to.equal('600')
    }
  })

  it('keeps the same keys for the next start', async () => {
    const { WIX_API_URL: _, WIX_INSTALLER_URL: __, ...first } = await start()
    expect(await start()).to.include(first)
    expect((await startWithout()).WIX_APP_SECRET).to.not.equal(first.WIX_APP_SECRET)
  })

  const startWithout = async (): Promise<SimulatorEnvironment> => {
    const simulator = await startSimulator({ app: 'http://localhost:9/' })
    await simulator.close()
    return simulator.environment
  }

  it('has the environment in a file for `node --env-file`', async () => {
    const environment = await start()
    expect(parseEnv(await readFile(join(folder, 'env'), 'utf8'))).to.deep.equal({ ...environment })
  })

  it('stops the start where its keys cannot be read, without showing them', async () => {
    await mkdir(folder)
    const path = join(folder, 'keys.json')
    for (const content of ['{"appSecret":"canary', '{"appId":"a","appSecret":"canary","publicKey":""}', 'null']) {
      await writeFile(path, content)
      const error = await start().catch((error: unknown) => error)
      expect(error).to.have.property(
        'message',
        `${path} does not hold the keys of a simulator: delete it to get new ones`,
      )
    }
    await rm(path)
    await mkdir(path)
    expect(await start().catch((error: unknown) => error)).to.have.property('code', 'EISDIR')
  })
})
