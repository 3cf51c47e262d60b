import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { own } from '../lib/internal/values.ts'

/** What came of the program. */
export interface Ended {
  /** Its exit code, or 128 and the number of the signal, as shells have it. */
  code: number
  /** Why it did not start; null if it did. */
  problem: string | null
}

/** A program that runs. */
export interface Child {
  ended: Promise<Ended>
  /** Asks it to end, with all that it has started, and kills what is left after some seconds, or at once when it is called again. */
  end(signal: NodeJS.Signals): void
}

export interface ChildOptions {
  env: NodeJS.ProcessEnv
  /** Where its output goes: `inherit`, or the number of a file. */
  stdout: 'inherit' | number
  /** Each line with this beginning on its standard error, which is passed on unless the answer is true. */
  lines: { prefix: string; read: (line: string) => boolean }
  /** Where its standard error goes, but for these lines. */
  stderr: { write: (text: string) => unknown }
}

/** Milliseconds that a program has to end. */
const PATIENCE = 5000

const MAX_LINE = 2000

/** What cmd.exe takes as one argument. */
const quoted = (argument: string): string => `"${argument.replaceAll('"', '""')}"`

/**
 * What to spawn. On Windows, npm and npx are scripts, which only a shell starts; elsewhere the program leads a group of its own, which
 * signals reach as a whole.
 */
export function spawned(
  [program = '', ...args]: readonly string[],
  platform: NodeJS.Platform,
): { file: string; args: readonly string[]; options: { shell?: true; detached?: true } } {
  if (platform !== 'win32') return { file: program, args, options: { detached: true } }
  return { file: [program, ...args].map(quoted).join(' '), args: [], options: { shell: true } }
}

/** Sends a signal to a program and all that it has started; on Windows, where there are no signals, it ends them. */
export function signal(pid: number, name: NodeJS.Signals, platform: NodeJS.Platform): void {
  if (platform === 'win32') {
    // Ctrl-C has reached it already: the console tells all of its programs.
    if (name !== 'SIGINT') spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' })
    return
  }
  try {
    process.kill(-pid, name)
  } catch {
    // It has ended.
  }
}

/** Passes text on at once, but for lines with a prefix: those are read as a whole. */
export function lineReader({ lines: { prefix, read }, stderr }: Pick<ChildOptions, 'lines' | 'stderr'>): {
  take: (text: string) => void
  end: () => void
} {
  // The part of a line that may still turn out to be one to read.
  let held = ''
  let isPassed = false
  return {
    take(text) {
      for (const part of text.split(/(?<=\n)/)) {
        held += part
        const isWhole = part.endsWith('\n')
        const mayBeRead = !isPassed && held.length < MAX_LINE && prefix.startsWith(held.slice(0, prefix.length))
        if (mayBeRead && !isWhole) continue
        if (!(mayBeRead && read(held.trimEnd()))) stderr.write(held)
        held = ''
        isPassed = !isWhole
      }
    },
    end: () => void stderr.write(held),
  }
}

const notStarted = (error: unknown): Ended => ({ code: 127, problem: String(own(error, 'code')) })

/** Starts a program; it ends with this process, however that ends. */
export function start(command: readonly string[], options: ChildOptions): Child {
  const { platform } = process
  const { file, args, options: how } = spawned(command, platform)
  const { env, stdout } = options
  let child: ChildProcess
  try {
    child = spawn(file, args, { ...how, env, stdio: ['inherit', stdout, 'pipe'] })
  } catch (error) {
    // Node throws what is neither a missing file nor a missing right, such as a path through a file.
    return { ended: Promise.resolve(notStarted(error)), end: () => {} }
  }
  const reader = lineReader(options)
  child.stderr?.setEncoding('utf8').on('data', reader.take)

  const kill = (name: NodeJS.Signals): void => {
    if (child.pid !== undefined) signal(child.pid, name, platform)
  }
  const killNow = (): void => kill('SIGKILL')
  process.once('exit', killNow)
  let timer: NodeJS.Timeout | undefined
  const end = (name: NodeJS.Signals): void => {
    kill(timer === undefined ? name : 'SIGKILL')
    timer ??= setTimeout(killNow, PATIENCE)
  }

  const ended = async (): Promise<Ended> => {
    // `close` waits for all that have inherited the pipe.
    const closed = once(child, 'close')
    try {
      const [code, by] = (await once(child, 'exit')) as [number, null] | [null, NodeJS.Signals]
      // What it leaves behind.
      if (timer === undefined) end('SIGTERM')
      await closed
      return { code: code === null ? 128 + constants.signals[by] : code, problem: null }
    } catch (error) {
      closed.catch(() => {})
      return notStarted(error)
    } finally {
      reader.end()
      clearTimeout(timer)
      process.off('exit', killNow)
    }
  }
  return { ended: ended(), end }
}
