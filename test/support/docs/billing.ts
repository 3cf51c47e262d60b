import { expect } from 'chai'
import type { Page, PageTest, Running } from '../docs-page.ts'
import { firstRows, hangUp, listenTo, owner, visitor } from '../notes-server.ts'

const start = (page: Page): Promise<Running> => listenTo(page, '--import ./usage.mjs')

export default {
  implicitAny: true,
  claims: {
    'bill by people and calls, and nobody for a refusal': async (page) => {
      const server = await start(page)
      for (const [note, instance] of [
        ['7', owner],
        ['8', visitor], // 403
        ['10', owner],
      ])
        await server.ask(`/notes/${note}?instance=${instance}`)
      await firstRows(page, 'usage.db', 'usage.mjs', "SELECT * FROM calls WHERE route = 'GET /notes/:id' AND count = 2")
      expect(await page.shell('node bill.mjs')).to.equal('site-1 1 2\n')
    },
    'charge for what somebody did who has hung up before the check': async (page) => {
      await hangUp(page, await start(page), '/notes/12')
      const sql = "SELECT instanceId FROM people WHERE subject = 'USER:hasty'"
      expect(await firstRows(page, 'usage.db', 'usage.mjs', sql)).to.deep.equal([{ instanceId: 'site-1' }])
    },
    'count the calls of a Fetch handler': async (page) => {
      await page.write(
        'fetched.mjs',
        `import './usage.mjs'
import { calls, GET } from './counted.mjs'
const statuses = []
for (const instance of ['${owner}', 'forged', '${owner}'])
  statuses.push((await GET(new Request('https://example.com/?instance=' + instance))).status)
console.log(JSON.stringify([statuses, [...calls]]))`,
      )
      const output = await page.execute('fetched.mjs', 'counted.mjs', { DATABASE: 'fetched.db' })
      expect(JSON.parse(output)).to.deep.equal([[200, 401, 200], [['site-1', 2]]])
    },
  },
} satisfies PageTest
