import { expect } from 'chai'

/**
 * A program that handles 30 events with the `once` of a file of docs/webhooks-once.md: each first fails after it has written, is then sent
 * three times at the same time, and once more.
 *
 * @param file What exports `once`.
 * @param work A function of the transaction and an id, which adds the id to the table `effects`.
 * @param imports What it needs.
 */
export const onceProgram = (file: string, work: string, imports = ''): string => `
${imports}
import { once } from './${file}'
const ids = Array.from({ length: 30 }, (_, index) => 'event-' + index)
const attempt = async (id, work) =>
  once({ instanceId: 'site-1', eventType: 'order_created', data: { id, entityFqdn: 'wix.ecom.v1.order' } }, work)
const work = ${work}
const fail = () => { throw new Error('of the work') }
// As Wix does: again after an error, such as a lock timeout or a pool without a free connection.
const deliver = async (id) => {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt(id, (tx) => work(tx, id))
    } catch (error) {
      if (tries === 20) throw error
    }
  }
}

for (const id of ids)
  await attempt(id, (tx) => { const written = work(tx, id); return written?.then ? written.then(fail) : fail() })
    .catch((error) => { if (error.message !== 'of the work') throw error })
await Promise.all(ids.flatMap((id) => [1, 2, 3].map(() => deliver(id))))
for (const id of ids) await attempt(id, fail)
console.log('handled')
process.exit()
`

/** Runs two such programs at the same time: together they handle each event once. */
export async function expectOnce(run: () => Promise<string>, effects: () => Promise<unknown[]>): Promise<void> {
  expect(await Promise.all([run(), run()])).to.deep.equal(['handled\n', 'handled\n'])
  expect(await effects()).to.have.members(Array.from({ length: 30 }, (_, index) => `event-${index}`))
}
