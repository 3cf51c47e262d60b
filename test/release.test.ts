import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'

const root = join(import.meta.dirname, '..')
const execute = promisify(execFile)

interface Manifest {
  scripts?: Record<string, string>
  dependencies?: Record<string, string>
}

const manifestOf = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest

/** Bytes of all files in a folder. */
async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true })
  const sizes = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name))
      return found.isFile() ? found.size : 0
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

describe('A release', function () {
  this.timeout(120_000)

  it('is one tarball, byte for byte, in whatever folder it is built', async () => {
    const hashes = await Promise.all(
      ['first', 'another-folder'].map(async (name) => {
        const folder = await mkdtemp(join(tmpdir(), `${name}-`))
        for (const part of ['lib', 'devtools', 'package.json', 'tsconfig.json', 'README.md', 'LICENSE', 'CHANGELOG.md'])
          await cp(join(root, part), join(folder, part), { recursive: true })
        await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
        // `npm pack` builds it first.
        const { stdout } = await execute('npm', ['pack', '--json', '--silent'], { cwd: folder })
        const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [{ filename: string }]
        const hash = createHash('sha256')
          .update(await readFile(join(folder, filename)))
          .digest('hex')
        await rm(folder, { recursive: true })
        return hash
      }),
    )
    expect(hashes[0]).to.equal(hashes[1])
  })

  it('depends on three packages, which depend on nothing and run nothing when they are installed', async () => {
    const { dependencies = {}, scripts = {} } = await manifestOf(root)
    expect(Object.keys(dependencies)).to.deep.equal(['jose', 'lru-cache', 'passport-strategy'])
    expect(scripts).to.not.have.any.keys('preinstall', 'install', 'postinstall', 'prepare')
    for (const name of Object.keys(dependencies)) {
      const theirs = await manifestOf(join(root, 'node_modules', name))
      expect(theirs.dependencies ?? {}, name).to.deep.equal({})
      expect(theirs.scripts ?? {}, name).to.not.have.any.keys('preinstall', 'install', 'postinstall')
    }
  })

  it('takes less than 5 MB of a disk, with all that it depends on', async () => {
    const { dependencies = {} } = await manifestOf(root)
    const folders = ['dist', ...Object.keys(dependencies).map((name) => `node_modules/${name}`)]
    const sizes = await Promise.all(folders.map((folder) => sizeOf(join(root, folder))))
    expect(sizes.reduce((sum, size) => sum + size, 0)).to.be.below(5_000_000)
  })
})
