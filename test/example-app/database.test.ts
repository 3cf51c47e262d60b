import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { connect } from '../../example-app/connect.ts'
import { collaborator, describeExampleApp, describeOnEachDatabase, owner, rowsIn } from '../support/example-app.ts'

const CONNECT = import.meta.resolve('../../example-app/connect.ts')

describeExampleApp('The database of the example app', (app) => {
  const { open, send, sessionOf, me, rows } = app

  describe('stores each site and each user', () => {
    it('has one row for a user who returns, and counts the visits', async () => {
      await open(owner())
      await open(owner())

      expect((await me(await sessionOf(owner()))).account.user).to.include({ visits: 2 })
      expect(await rows('sites')).to.have.lengthOf(1)
      expect(await rows('users')).to.have.lengthOf(1)
    })

    it('has one row for a user who makes many requests at once', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => open(owner())))

      expect(answers.every(({ status }) => status === 200)).to.equal(true)
      expect(await rows('users')).to.have.lengthOf(1)
      expect((await rows('users'))[0]).to.include({ visits: 20 })
    })

    it('keeps two sites of the same user apart', async () => {
      await open(collaborator())
      await open(owner())
      await open(owner({ instanceId: 'instance-2', metaSiteId: 'site-2' }))

      expect((await me(await sessionOf(owner({ instanceId: 'instance-2' })))).account.user).to.include({ visits: 1 })
      expect(await rows('sites')).to.have.lengthOf(2)
      expect(await rows('users')).to.have.lengthOf(3)
    })

    it('stores the plan of the latest visit, and keeps the origin of a copied site', async () => {
      await open(owner({ originInstanceId: 'instance-0' }))
      await open(owner({ vendorProductId: null }))

      expect((await rows('sites'))[0]).to.include({ plan: null, originId: 'instance-0', ownerId: 'user-1' })
    })

    it('ignores the owner and the plan of an older instance, which anybody may send late', async () => {
      const signedAgo = (hours: number): object => ({
        signDate: new Date(Date.now() - hours * 3600_000).toISOString(),
        expirationDate: undefined,
      })
      await open(owner({ vendorProductId: 'premium', ...signedAgo(1) }))
      await open(owner({ vendorProductId: null, siteOwnerId: 'user-9', ...signedAgo(3) }))
      expect((await rows('sites'))[0]).to.include({ plan: 'premium', ownerId: 'user-1' })
      await open(owner({ vendorProductId: null, ...signedAgo(0) }))
      expect((await rows('sites'))[0]).to.include({ plan: null, ownerId: 'user-1' })
    })

    it('keeps users, and the removal from a site, after a restart', async () => {
      await open(owner())
      await send('AppRemoved')
      const database = await connect(app.databaseUrl)
      await app.restart(app.create({ database }))

      expect(await rows('users')).to.have.lengthOf(1)
      expect((await open(owner())).status).to.equal(401)
      await database.close()
    })
  })

  it('bills each call once, while calls, the billing of several processes and erasures go on', async () => {
    // SQLite waits for another connection with the whole process in which both are here.
    const isFile = app.databaseUrl.startsWith('file:')
    const others = isFile ? [app.database] : await Promise.all([connect(app.databaseUrl), connect(app.databaseUrl)])
    const bearers = await Promise.all([owner(), collaborator()].map((payload) => sessionOf(payload)))
    const billed = async (): Promise<number> => (await rows('usage')).reduce((sum, { calls }) => sum + Number(calls), 0)
    const before = await billed()
    const calls = Array.from({ length: 60 }, (_, index) =>
      app.call('POST /api/notes', bearers[index % 2] ?? '', { content: 'mine' }),
    )
    const prunings = Array.from({ length: 6 }, (_, index) => others[index % others.length]?.prune(1))
    await Promise.all([...calls, ...prunings])

    expect(await billed()).to.equal(before + 60)
    await app.database.prune(1)
    expect(await rows('billed')).to.have.lengthOf(2)
    expect(await billed()).to.equal(before + 60)
    for (const other of others) if (other !== app.database) await other.close()
  })

  it('forgets in the audit and in the list of events what is older than the days that it is told', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    await app.restart(app.create())
    await app.call('POST /api/notes', await sessionOf(owner()), { content: 'mine' })
    await send('AppInstalled')
    await app.get('/dashboard')
    await app.database.flush()
    const numbers = async (): Promise<number[]> =>
      Promise.all((['audit', 'refusals', 'events'] as const).map(async (table) => (await rows(table)).length))
    clock.tick(2 * 86_400_000)
    await open(owner({ signDate: new Date().toISOString(), expirationDate: undefined }))
    await app.database.prune(3)
    expect(await numbers()).to.deep.equal([4, 1, 1])
    await app.database.prune(1)
    expect(await numbers(), 'the webhook may come again').to.deep.equal([1, 0, 1])
    clock.tick(3 * 86_400_000)
    await app.database.prune(1)

    expect(await numbers()).to.deep.equal([0, 0, 0])
    expect((await rows('usage')).reduce((sum, { calls }) => sum + Number(calls), 0)).to.equal(1)
  })
})

describeOnEachDatabase('A new database of the example app', (newDatabase) => {
  it('gets its tables once from processes that start at the same time', async () => {
    const url = await newDatabase()
    const program = `
      import { connect } from ${JSON.stringify(CONNECT)}
      const database = await connect(${JSON.stringify(url)})
      await database.ping()
      await database.close()`
    const args = ['--import', 'tsx', '--input-type=module', '--eval', program]
    await Promise.all([1, 2, 3].map(() => promisify(execFile)(process.execPath, args)))

    expect(await rowsIn(url, 'SELECT version FROM migrations')).to.deep.equal([
      { version: 1 },
      { version: 2 },
      { version: 3 },
    ])
    expect(await rowsIn(url, 'SELECT * FROM sites')).to.deep.equal([])
  })
})
