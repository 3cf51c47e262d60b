import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execFile } from 'node:child_process'

export const ROOT: string = join(import.meta.dirname, '../..')
const packagesOf = (name: string): string => join(ROOT, name, 'node_modules')

/** What a program printed, and how it ended. */
export interface Ended {
  code: number
  output: string
}

/** A project of somebody who uses the package: outside of this checkout, with the built package as npm would put it there. */
export class Consumer {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** @param packages Which it has, of those that are installed here: a link each, since a copy would take seconds. */
  static async make(files: Readonly<Record<string, string>>, packages: readonly string[] = []): Promise<Consumer> {
    const folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-consumer-'))
    const modules = join(folder, 'node_modules')
    const installed = join(modules, 'passport-wix-app')
    await mkdir(installed, { recursive: true })
    for (const name of ['dist', 'package.json']) await cp(join(ROOT, name), join(installed, name), { recursive: true })
    for (const name of ['jose', 'lru-cache', 'passport-strategy', ...packages]) {
      const path = join(modules, name)
      await mkdir(dirname(path), { recursive: true })
      const inTools = await readdir(join(packagesOf('test/tools'), name)).catch(() => undefined)
      // What both have is older in the folder of the tools, which brings it for a tool.
      const isOwn = await readdir(join(packagesOf('.'), name)).catch(() => undefined)
      if (isOwn === undefined && inTools === undefined) throw new Error(`${name} is not installed`)
      await symlink(join(packagesOf(isOwn === undefined ? 'test/tools' : '.'), name), path, 'junction')
    }
    const consumer = new Consumer(folder)
    for (const [name, content] of Object.entries(files)) await consumer.write(name, content)
    return consumer
  }

  async write(name: string, content: string): Promise<void> {
    const path = join(this.folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }

  /** Runs a program of Node in the folder. */
  run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const { NODE_OPTIONS: _options, ...inherited } = process.env
    const env = { ...inherited, NO_COLOR: '1', ...environment }
    return new Promise((resolve) => {
      execFile(process.execPath, args, { cwd: this.folder, env, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr })
      })
    })
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true, maxRetries: 10 })
  }
}
