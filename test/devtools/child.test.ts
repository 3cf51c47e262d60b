import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'chai'
import { lineReader, signal, spawned } from '../../devtools/child.ts'

describe('A program that is started', () => {
  it('leads a group of its own, and is started by a shell on Windows, where npm is a script', () => {
    const command = ['npm', 'run', 'say "hi"']
    expect(spawned(command, 'linux')).to.deep.equal({
      file: 'npm',
      args: ['run', 'say "hi"'],
      options: { detached: true },
    })
    expect(spawned(command, 'win32')).to.deep.equal({
      file: '"npm" "run" "say ""hi"""',
      args: [],
      options: { shell: true },
    })
    expect(spawned([], 'linux').file).to.equal('')
  })

  it('gets a signal with its group; on Windows the console has sent it', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true })
    const exit = once(child, 'exit')
    await once(child, 'spawn')
    const pid = Number(child.pid)
    // There is no taskkill here: nothing happens, and nothing is thrown.
    signal(pid, 'SIGINT', 'win32')
    signal(pid, 'SIGKILL', 'win32')
    expect(child.exitCode).to.equal(null)
    signal(pid, 'SIGTERM', 'linux')
    expect(await exit).to.deep.equal([null, 'SIGTERM'])
    signal(pid, 'SIGTERM', 'linux')
  })

  it('prints at once, but for the lines that are read', () => {
    const written: string[] = []
    const heard: string[] = []
    const reader = lineReader({
      lines: { prefix: 'DEBUG ', read: (line) => heard.push(line) > 0 && line !== 'DEBUG keep' },
      stderr: { write: (text) => written.push(text) },
    })
    const taken = (text: string): string => {
      written.length = 0
      reader.take(text)
      return written.join('|')
    }
    expect(taken('a question? ')).to.equal('a question? ')
    expect(taken('yes\nnext\n')).to.equal('yes\n|next\n')
    expect(taken('DEB')).to.equal('')
    expect(taken('UG one\r\nafter\n')).to.equal('after\n')
    expect(taken('DEBT\n')).to.equal('DEBT\n')
    expect(taken('DEBUG keep\n')).to.equal('DEBUG keep\n')
    expect(taken('a DEBUG two\n')).to.equal('a DEBUG two\n')
    expect(taken('not yet ')).to.equal('not yet ')
    expect(taken('DEBUG three\n')).to.equal('DEBUG three\n')
    expect(taken(`DEBUG ${'x'.repeat(3000)}`)).to.have.length(3006)
    expect(taken('\n')).to.equal('\n')
    expect(taken('DEBUG without an end')).to.equal('')
    reader.end()
    expect(written).to.deep.equal(['DEBUG without an end'])
    expect(heard).to.deep.equal(['DEBUG one', 'DEBUG keep'])
  })
})
