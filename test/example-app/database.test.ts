import { expect } from 'chai'
import { join } from 'node:path'
import sinon from 'sinon'
import { AppDatabase } from '../../example-app/database.ts'
import { collaborator, exampleApp, owner } from '../support/example-app.ts'

describe('The database of the example app', () => {
  const app = exampleApp()
  const { open, send, sessionOf, me, rows } = app

  describe('stores each site and each user', () => {
    it('has one row for a user who returns, and counts the visits', async () => {
      await open(owner())
      await open(owner())

      expect((await me(await sessionOf(owner()))).account.user).to.include({ visits: 2 })
      expect(rows('sites')).to.have.lengthOf(1)
      expect(rows('users')).to.have.lengthOf(1)
    })

    it('has one row for a user who makes many requests at once', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => open(owner())))

      expect(answers.every(({ status }) => status === 200)).to.equal(true)
      expect(rows('users')).to.have.lengthOf(1)
      expect(rows('users')[0]).to.include({ visits: 20 })
    })

    it('keeps two sites of the same user apart', async () => {
      await open(collaborator())
      await open(owner())
      await open(owner({ instanceId: 'instance-2', metaSiteId: 'site-2' }))

      expect((await me(await sessionOf(owner({ instanceId: 'instance-2' })))).account.user).to.include({ visits: 1 })
      expect(rows('sites')).to.have.lengthOf(2)
      expect(rows('users')).to.have.lengthOf(3)
    })

    it('stores the plan of the latest visit, and keeps the origin of a copied site', async () => {
      await open(owner({ originInstanceId: 'instance-0' }))
      await open(owner({ vendorProductId: null }))

      expect(rows('sites')[0]).to.include({ plan: null, originId: 'instance-0', ownerId: 'user-1' })
    })

    it('ignores the owner and the plan of an older instance, which anybody may send late', async () => {
      const signedAgo = (hours: number): object => ({
        signDate: new Date(Date.now() - hours * 3600_000).toISOString(),
        expirationDate: undefined,
      })
      await open(owner({ vendorProductId: 'premium', ...signedAgo(1) }))
      await open(owner({ vendorProductId: null, siteOwnerId: 'user-9', ...signedAgo(3) }))
      expect(rows('sites')[0]).to.include({ plan: 'premium', ownerId: 'user-1' })
      await open(owner({ vendorProductId: null, ...signedAgo(0) }))
      expect(rows('sites')[0]).to.include({ plan: null, ownerId: 'user-1' })
    })

    it('keeps users, and the removal from a site, after a restart', async () => {
      await open(owner())
      await send('AppRemoved')
      await app.restart(app.create({ database: new AppDatabase(app.path) }))

      expect(rows('users')).to.have.lengthOf(1)
      expect((await open(owner())).status).to.equal(401)
    })
  })

  it('is created once by processes that start at the same time', () => {
    const path = join(app.folder, 'new.db')
    const databases = [new AppDatabase(path), new AppDatabase(path)]

    for (const database of databases) {
      expect(database.rows('SELECT * FROM sites')).to.deep.equal([])
      database.close()
    }
  })

  it('forgets in the audit and in the list of events what is older than the days that it is told', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    await open(owner())
    await send('AppInstalled')
    clock.tick(2 * 86_400_000)
    await open(owner({ signDate: new Date().toISOString(), expirationDate: undefined }))
    app.database.prune(3)
    expect([rows('audit').length, rows('events').length]).to.deep.equal([3, 1])
    app.database.prune(1)

    expect([rows('audit').length, rows('events').length]).to.deep.equal([1, 0])
  })
})
