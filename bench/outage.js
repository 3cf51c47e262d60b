// A total outage: 2,000 checks a second for 30 seconds, of different tokens, without an answer.
import { setTimeout as wait } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import { accessTokenVerifier } from 'passport-wix-app'
import { WixSimulator } from 'passport-wix-app/testing'

const PER_SECOND = 2000
const SECONDS = 30

v8.setFlagsFromString('--expose_gc')
const collect = vm.runInNewContext('gc')
const heap = () => {
  collect()
  return process.memoryUsage().heapUsed / 1e6
}
const percentile = (values, part) => values[Math.floor((values.length - 1) * part)] ?? NaN

const appId = 'bench-app'
const wix = await WixSimulator.start({ appId, appSecret: 'bench-secret' })

async function outage(title, fault) {
  wix.fault('token-info', fault)
  const verify = accessTokenVerifier({ appId, apiUrl: wix.url })
  const before = wix.calls('token-info')
  const counts = {}
  let checks = 0

  const check = async () => {
    const outcome = await verify(`OauthNG.JWS.a.b.${checks++}`).then(
      () => 'accepted',
      (error) => error,
    )
    const status = outcome.status ?? outcome
    counts[status] = (counts[status] ?? 0) + 1
  }

  const pending = []
  const heaps = []
  // One turn in a millisecond; what the machine is late with is made up for in the next.
  const total = PER_SECOND * SECONDS
  const begin = performance.now()
  for (let sent = 0; sent < total; await wait(1)) {
    const seconds = (performance.now() - begin) / 1000
    const due = Math.min(Math.ceil(seconds * PER_SECOND), total) - sent
    pending.push(...Array.from({ length: due }, check))
    sent += due
    if (heaps.length <= seconds / 5) heaps.push(heap())
    if (pending.length > 10_000) await Promise.all(pending.splice(0))
  }
  await Promise.all(pending)

  // One after the other, so that none waits for another.
  const whileOpen = []
  while (whileOpen.length < 10_000) {
    const start = process.hrtime.bigint()
    const error = await verify(`OauthNG.JWS.a.b.${checks++}`).catch((error) => error)
    if (error.message.includes('circuit breaker open')) whileOpen.push(Number(process.hrtime.bigint() - start) / 1000)
  }
  whileOpen.sort((a, b) => a - b)

  console.log(`\n${title}`)
  console.log(
    `  checks: ${total}, answers: ${JSON.stringify(counts)}, calls to Wix: ${wix.calls('token-info') - before}`,
  )
  console.log(
    `  heap every 5 s, in MB: ${heaps.map((size) => size.toFixed(1)).join(' ')}, at the end ${heap().toFixed(1)}`,
  )
  console.log(
    `  a 503 while the circuit is open, in µs: median ${percentile(whileOpen, 0.5).toFixed(0)}, 99 % ${percentile(whileOpen, 0.99).toFixed(0)}, longest ${percentile(whileOpen, 1).toFixed(0)}`,
  )
}

await outage('No answer', { delay: 1e6 })
await outage('Every answer is a 408', { status: 408 })
await outage('No connection', { drop: true })
await wix.close()
