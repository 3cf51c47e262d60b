import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What some tests need beside Node. */
export interface Need {
  name: string
  /** Where it is; undefined when this machine does not have it. */
  path: string | undefined
  /** The command that installs it. */
  install: string
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/**
 * Finds a program: the one that the environment variable names, else the first on `PATH` under one of the names, else one at these paths.
 */
export function findProgram(variable: string, names: string[], paths: string[], env = process.env): string | undefined {
  const { [variable]: named, PATH = '' } = env
  // Not checked: a mistake must fail the tests that start it, and not leave them out.
  if (named) return named
  const folders = PATH.split(delimiter).filter((folder) => folder !== '')
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  return [...onPath, ...paths].find(isProgram)
}

const isMac = process.platform === 'darwin'

/** Redis, or Valkey, which is the same to the tests. */
export const REDIS: Need = {
  name: 'Redis',
  path: findProgram('REDIS_SERVER', ['redis-server', 'valkey-server'], []),
  install: isMac ? 'brew install redis' : 'apt-get install redis-server',
}

/** Where Debian and Homebrew have the programs of its versions, which they do not put on `PATH`. The latest version first. */
function versionsOfPostgres(): string[] {
  const [folder, name] = isMac ? ['/opt/homebrew/opt', /^postgresql(@\d+)?$/] : ['/usr/lib/postgresql', /^\d+$/]
  if (!existsSync(folder)) return []
  const versions = readdirSync(folder).filter((entry) => name.test(entry))
  return versions
    .toSorted((one, other) => Number(/\d*$/.exec(other)) - Number(/\d*$/.exec(one)))
    .map((version) => join(folder, version, 'bin/postgres'))
}

/** With `initdb` beside it. */
export const POSTGRES: Need = {
  name: 'PostgreSQL',
  path: findProgram('POSTGRES', ['postgres'], versionsOfPostgres()),
  install: isMac ? 'brew install postgresql' : 'apt-get install postgresql',
}

export const CHROMIUM: Need = {
  name: 'Chromium',
  path: findProgram(
    'CHROMIUM',
    ['chromium', 'chromium-browser', 'google-chrome'],
    isMac
      ? [
          '/Applications/Chromium.app/Contents/MacOS/Chromium',
          '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
        ]
      : [],
  ),
  install: isMac ? 'brew install --cask chromium' : 'apt-get install chromium',
}

const HOSTS_FOLDER = join(import.meta.dirname, '../hosts/node_modules')

/**
 * Frameworks and runtimes that only `test/hosts/` needs; its folder `node_modules`. Not with `npm ci`, which also wants the binaries of
 * other platforms from the registry.
 */
export const HOSTS: Need = {
  name: 'the packages of the hosts',
  path: existsSync(HOSTS_FOLDER) ? HOSTS_FOLDER : undefined,
  install: 'npm install --no-save --prefix test/hosts',
}

const TOOLS_FOLDER = join(import.meta.dirname, '../tools/node_modules')

/** Compilers, test runners and bundlers that only `test/tools/` needs; its folder `node_modules`. */
export const TOOLS: Need = {
  name: 'the packages of the tools',
  path: existsSync(TOOLS_FOLDER) ? TOOLS_FOLDER : undefined,
  install: 'npm install --no-save --prefix test/tools',
}

/** What `test/prisma/` needs: the client, its adapter, and what generates the client. Its folder `node_modules`. */
const PRISMA_FOLDER = join(import.meta.dirname, '../prisma/node_modules')

export const PRISMA: Need = {
  name: 'the packages of Prisma',
  path: existsSync(PRISMA_FOLDER) ? PRISMA_FOLDER : undefined,
  install: 'npm install --no-save --prefix test/prisma',
}
