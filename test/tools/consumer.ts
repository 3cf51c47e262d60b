import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execFile } from 'node:child_process'

export const ROOT: string = join(import.meta.dirname, '../..')

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

  /** @param packages Which it has: of this checkout, and of those in test/tools. A link each, since a copy would take seconds. */
  static async make(
    files: Readonly<Record<string, string>>,
    packages: Readonly<{ ours?: readonly string[]; tools?: readonly string[] }> = {},
  ): Promise<Consumer> {
    const folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-consumer-'))
    const installed = join(folder, 'node_modules/passport-wix-app')
    await mkdir(installed, { recursive: true })
    for (const name of ['dist', 'package.json']) await cp(join(ROOT, name), join(installed, name), { recursive: true })
    const { ours = [], tools = [] } = packages
    for (const [from, names] of [
      [ROOT, ['jose', 'lru-cache', 'passport-strategy', ...ours]],
      [import.meta.dirname, tools],
    ] as const) {
      for (const name of names) {
        const path = join(folder, 'node_modules', name)
        await mkdir(dirname(path), { recursive: true })
        // The type is for Windows, where only administrators may make the others.
        await symlink(await realpath(join(from, 'node_modules', name)), path, 'junction')
      }
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
