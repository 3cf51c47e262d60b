// Loaded before the tests: what a parallel run needs for the coverage.

const isWorker = process.env['MOCHA_WORKER_ID'] !== undefined

// A parallel run ends its processes by a signal after a second, in which they may not yet have written their coverage.
if (isWorker) process.on('SIGTERM', () => process.exit(143))

/**
 * For programs that cover what no test covers in its own process. All others start without it: to write down what they cover takes a
 * fifth of their time.
 */
export const { NODE_V8_COVERAGE } = process.env
if (isWorker) delete process.env['NODE_V8_COVERAGE']
