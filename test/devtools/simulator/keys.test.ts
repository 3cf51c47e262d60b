import { execFileSync } from 'node:child_process'
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { expect } from 'chai'
import { freePort } from '../../support/free-port.ts'
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
  })

  // A checkout may bring a folder with anything in it.
  describe('that somebody else has filled', () => {
    const message = async (): Promise<string> => String(await start().catch((error: unknown) => error))

    it('stops the start where one of its files is a link, and leaves what it leads to as it is', async () => {
      const target = join(parent, 'of-the-user')
      await writeFile(target, 'untouched')
      await mkdir(folder)
      for (const name of ['.gitignore', 'keys.json', 'env']) {
        const path = join(folder, name)
        for (const to of [target, join(parent, 'nothing')]) {
          await symlink(to, path)
          expect(await message()).to.equal(`Error: ${path} is a link: delete it, and a file will be made in its place`)
          await rm(path)
        }
      }
      expect(await readFile(target, 'utf8')).to.equal('untouched')
      expect(await readdir(parent)).to.have.members(['.wix-simulator', 'of-the-user'])
    })

    it('stops the start where its keys are a folder, or a pipe, which nobody writes to', async () => {
      const path = join(folder, 'keys.json')
      await mkdir(folder)
      for (const make of process.platform === 'win32' ? ['mkdir'] : ['mkdir', 'mkfifo']) {
        execFileSync(make, [path])
        expect(await message()).to.equal(
          `Error: ${path} does not hold the keys of a simulator: delete it to get new ones`,
        )
        await rm(path, { recursive: true })
      }
    })

    it('stops the start where its keys are larger than keys, without reading them', async () => {
      await start()
      const path = join(folder, 'keys.json')
      const keys = await readFile(path, 'utf8')
      await truncate(path, 3_000_000_000)
      const problem = `Error: ${path} does not hold the keys of a simulator: delete it to get new ones`
      expect(await message()).to.equal(problem)
      await writeFile(path, keys + ' '.repeat(16_384))
      expect(await message()).to.equal(problem)
      await writeFile(path, keys + ' '.repeat(1000))
      expect(await start()).to.include({ WIX_APP_ID: (JSON.parse(keys) as { appId: string }).appId })
    })

    it('stops the start where the folder is a link', async () => {
      const target = join(parent, 'of-the-user')
      await mkdir(target, { mode: 0o755 })
      await symlink(target, folder)
      expect(await message()).to.equal(`Error: ${folder} is a link: delete it, and a folder will be made in its place`)
      expect([await readdir(target), await mode(target)]).to.deep.equal([[], '755'])
    })

    it('is written to in new files, also where the name of an old one leads to the same content', async () => {
      const target = join(parent, 'of-the-user')
      await writeFile(target, 'untouched', { mode: 0o644 })
      await mkdir(folder)
      await link(target, join(folder, 'env'))
      const { WIX_APP_ID } = await start()
      expect(await readFile(target, 'utf8')).to.equal('untouched')
      expect(parseEnv(await readFile(join(folder, 'env'), 'utf8'))).to.include({ WIX_APP_ID })
      expect(await mode(join(folder, 'env'))).to.equal('600')
      expect(await readdir(folder)).to.have.members(['.gitignore', 'env', 'keys.json'])
    })

    it('leaves no file with secrets behind where it cannot be written', async () => {
      await mkdir(join(folder, 'env'), { recursive: true })
      const port = await freePort()
      const error: unknown = await start(port).catch((error: unknown) => error)
      expect(error).to.have.property('code').that.is.oneOf(['EISDIR', 'EPERM'])
      expect(await readdir(folder)).to.have.members(['.gitignore', 'env', 'keys.json'])
      // Nothing listens any more, which would keep the process.
      await rm(join(folder, 'env'), { recursive: true })
      expect(await start(port)).to.have.property('WIX_API_URL', `http://127.0.0.1:${port}`)
    })

    it('gives no id and no secret that a terminal, a shell or an environment file reads as more than a word', async () => {
      await start()
      const path = join(folder, 'keys.json')
      const keys = JSON.parse(await readFile(path, 'utf8')) as Record<string, string>
      for (const name of ['publicKey', 'privateKey']) {
        await writeFile(path, JSON.stringify({ ...keys, [name]: `${keys[name]}\u001B[2Jforged` }))
        expect(await message()).to.equal(
          `Error: ${path} does not hold the keys of a simulator: delete it to get new ones`,
        )
      }
      for (const name of ['appId', 'appSecret']) {
        for (const value of [
          'x\nNODE_OPTIONS=--require=./evil.cjs',
          'x\rWIX=1',
          'x\u2028y',
          '\u001b]0;title\u0007',
          '$(touch evil)',
          '`touch evil`',
          'x;touch evil',
          '~/x',
          'two words',
          '#x',
          'é',
          'undefined',
          'x'.repeat(201),
        ]) {
          await writeFile(path, JSON.stringify({ ...keys, [name]: value }))
          expect(await message()).to.equal(
            `Error: ${path} does not hold the keys of a simulator: delete it to get new ones`,
          )
        }
        await writeFile(path, JSON.stringify({ ...keys, [name]: 'an-id_of.letters+/=1' }))
        expect(Object.values(await start())).to.include('an-id_of.letters+/=1')
      }
    })
  })
})
