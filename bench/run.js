/** @param {number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

function print(title, names, turns) {
  console.log(`\n${title}`)
  for (const [index, name] of names.entries()) {
    const time = median(turns.map((times) => times[index]))
    const ratio = median(turns.map((times) => times[index] / times[0]))
    console.log(`  ${name.padEnd(44)} ${time.toFixed(2).padStart(8)} µs  ${ratio.toFixed(2).padStart(6)} x`)
  }
}

/**
 * Runs the tasks in short turns within one process, so that all share its good and bad moments, and prints for each the
 * median time and the median of its ratios to the first task of the same turn.
 *
 * @param {string} title
 * @param {Record<string, () => void>} tasks
 * @param {number} callsPerTurn
 */
export function compare(title, tasks, callsPerTurn) {
  const turns = []
  for (let turn = 0; turn < 600; turn++) {
    const times = Object.values(tasks).map((task) => {
      const start = process.hrtime.bigint()
      for (let call = 0; call < callsPerTurn; call++) task()
      return Number(process.hrtime.bigint() - start) / 1000 / callsPerTurn
    })
    // The first turns only warm the compiler up.
    if (turn >= 100) turns.push(times)
  }
  print(title, Object.keys(tasks), turns)
}

/**
 * As `compare`, for tasks that return promises, which run at once, as requests do; prints processor time of the whole process,
 * since part of the work is done on other threads.
 *
 * @param {string} title
 * @param {Record<string, () => Promise<unknown>>} tasks
 * @param {number} callsPerTurn
 */
export async function compareAsync(title, tasks, callsPerTurn) {
  const turns = []
  for (let turn = 0; turn < 200; turn++) {
    const times = []
    for (const task of Object.values(tasks)) {
      const start = process.cpuUsage()
      await Promise.all(Array.from({ length: callsPerTurn }, task))
      const { user, system } = process.cpuUsage(start)
      times.push((user + system) / callsPerTurn)
    }
    if (turn >= 30) turns.push(times)
  }
  print(title, Object.keys(tasks), turns)
}

/** A task that takes the items in turn, so that no call sees what the one before it saw. */
export const each = (items, task) => {
  let next = 0
  return () => task(items[next++ % items.length])
}

const fail = (reason) => {
  throw new Error('refused', { cause: reason })
}

/** Runs a strategy as Passport does: on an object made from it, which gets the outcomes. */
export const authenticate =
  (prototype, success = () => {}) =>
  (req) => {
    const strategy = Object.create(prototype)
    strategy.success = success
    strategy.fail = fail
    strategy.error = fail
    strategy.authenticate(req, {})
  }

/** The same, as a promise of the user. */
export const authenticated = (prototype) => (req) => new Promise((resolve) => authenticate(prototype, resolve)(req))
