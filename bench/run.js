import { fork } from 'node:child_process'
import { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'

/** @param {number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

/** In the process of one contender: which comparison, and which of its tasks. */
const mine = process.env.BENCH === undefined ? undefined : JSON.parse(process.env.BENCH)

/** Runs this script again for one contender, in a process of its own. */
const measured = (title, name) =>
  new Promise((resolve, reject) => {
    const child = fork(process.argv[1], { env: { ...process.env, BENCH: JSON.stringify({ title, name }) } })
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)))
  })

const print = (name, time, ratio) =>
  console.log(`  ${name.padEnd(44)} ${time.toFixed(2).padStart(8)} µs  ${ratio.toFixed(2).padStart(6)} x`)

/**
 * Measures each task beside the first one, the bare work, in a process of its own: in one process they would change what the compiler
 * makes of each other. The two take short turns, so that both share the good and bad moments of the machine. Prints for each task the
 * median processor time, which does not count what the machine does beside, and the median of its ratios to the bare work of the same turn.
 *
 * @param {string} title
 * @param {Record<string, () => unknown>} tasks
 * @param {(task: () => unknown) => number | Promise<number>} timeOf Microseconds for one call.
 * @param {number} turns
 * @param {number} warmUp Turns that do not count: they warm the compiler up.
 */
async function measure(title, tasks, timeOf, turns, warmUp) {
  const [[bareName, bare], ...contenders] = Object.entries(tasks)
  if (mine === undefined) {
    console.log(`\n${title}`)
    const bareTimes = []
    const rows = []
    for (const [name] of contenders) {
      const { bareTime, time, ratio } = await measured(title, name)
      bareTimes.push(bareTime)
      rows.push([name, time, ratio])
    }
    print(bareName, median(bareTimes), 1)
    for (const row of rows) print(...row)
  } else if (mine.title === title) {
    const task = tasks[mine.name]
    const times = []
    for (let turn = 0; turn < turns; turn++) {
      const pair = [await timeOf(bare), await timeOf(task)]
      if (turn >= warmUp) times.push(pair)
    }
    const bareTime = median(times.map(([one]) => one))
    const time = median(times.map(([, other]) => other))
    process.send({ bareTime, time, ratio: median(times.map(([one, other]) => other / one)) })
    process.disconnect()
    process.exit()
  }
}

/** Microseconds of processor time since then, of the whole process: part of the work is done on other threads. */
const worked = (start) => {
  const { user, system } = process.cpuUsage(start)
  return user + system
}

/**
 * For tasks of some microseconds, one after the other: each call is awaited, also that of the bare work that returns no promise.
 *
 * @param {string} title
 * @param {Record<string, () => unknown>} tasks
 * @param {number} callsPerTurn
 */
export const compare = (title, tasks, callsPerTurn) => {
  const timeOf = async (task) => {
    const start = process.cpuUsage()
    for (let call = 0; call < callsPerTurn; call++) await task()
    return worked(start) / callsPerTurn
  }
  return measure(title, tasks, timeOf, 600, 100)
}

/**
 * For tasks that return promises, which run at once, as requests do.
 *
 * @param {string} title
 * @param {Record<string, () => Promise<unknown>>} tasks
 * @param {number} callsPerTurn
 */
export const compareAsync = (title, tasks, callsPerTurn) => {
  const timeOf = async (task) => {
    const start = process.cpuUsage()
    await Promise.all(Array.from({ length: callsPerTurn }, task))
    return worked(start) / callsPerTurn
  }
  return measure(title, tasks, timeOf, 200, 30)
}

/** A task that takes the items in turn, so that no call sees what the one before it saw. */
export const each = (items, task) => {
  let next = 0
  return () => task(items[next++ % items.length])
}

/** Runs a strategy as Passport does, on an object made from it, which gets the outcomes: a promise of the user. */
export const authenticated = (prototype) => (req) =>
  new Promise((resolve, reject) => {
    const strategy = Object.create(prototype)
    strategy.success = resolve
    strategy.fail = reject
    strategy.error = reject
    strategy.authenticate(req, {})
  })

/** A request through an app of Express without a socket: parsers, Passport, route. Resolves with what the route gives to `res.done`. */
export const through =
  (app) =>
  ({ method = 'GET', url, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      const req = Object.assign(new IncomingMessage(new PassThrough()), {
        method,
        url,
        headers: { ...headers, ...length },
      })
      if (body !== undefined) req.push(body)
      req.push(null)
      const res = new ServerResponse(req)
      res.done = resolve
      res.failed = reject
      app(req, res)
    })
