import cluster, { type Address } from 'node:cluster'
import { once } from 'node:events'
import type { RunningServer } from './server.ts'

/** Runs this program in so many more processes behind one port. One that dies is replaced. */
export async function startProcesses(count: number): Promise<RunningServer> {
  let isStarted = false
  let isClosing = false
  cluster.on('exit', (_worker, code, signal) => {
    if (!isStarted) {
      // With a code, it has printed what is wrong.
      if (signal) console.error(`A process was ended by ${signal} before all had started`)
      process.exit(code || 1)
    }
    // Not at once: the database may be down.
    setTimeout(() => isClosing || cluster.fork(), 1000)
  })
  // The first one alone: it changes the tables of the database where they are old.
  const [address] = (await once(cluster.fork(), 'listening')) as [Address]
  const others = Array.from({ length: count - 1 }, () => once(cluster.fork(), 'listening'))
  await Promise.all(others)
  isStarted = true
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      isClosing = true
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
      const ends = workers.map((worker) => once(worker, 'exit'))
      for (const worker of workers) worker.process.kill('SIGTERM')
      await Promise.all(ends)
    },
  }
}
