import { expect } from 'chai'
import { join } from 'node:path'
import Database from 'libsql'
import { openAccounts } from '../../example-app/database.ts'
import { collaborator, exampleApp, owner } from '../support/example-app.ts'

describe('The database of the example app', () => {
  const app = exampleApp()
  const { open, send, rows } = app

  describe('stores each site and each user', () => {
    it('has one row for a user who returns, and greets them as known', async () => {
      await open(owner())
      const { page } = await open(owner())

      expect(page).to.include('Welcome back, owner')
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
      const { page } = await open(owner({ instanceId: 'instance-2', metaSiteId: 'site-2' }))

      expect(page).to.include('Welcome, owner')
      expect(page).to.not.include('user-2').and.to.not.include('instance-1')
      expect(rows('sites')).to.have.lengthOf(2)
      expect(rows('users')).to.have.lengthOf(3)
    })

    it('stores the plan of the latest visit, and keeps the origin of a copied site', async () => {
      await open(owner({ originInstanceId: 'instance-0' }))
      const { page } = await open(owner({ vendorProductId: null }))

      expect(page).to.include('<code>instance-0</code>')
      expect(rows('sites')[0]).to.include({ plan: null, origin_instance_id: 'instance-0', owner_id: 'user-1' })
    })

    it('keeps the users after a restart', async () => {
      await open(owner())
      app.accounts.close()
      const again = openAccounts(app.path)

      expect(again.usersOf('instance-1')).to.have.lengthOf(1)
      again.close()
    })

    it('keeps the removal from a site after a restart', async () => {
      await send('AppRemoved')
      app.accounts.close()
      const again = openAccounts(app.path)

      expect(again.isRemoved('instance-1')).to.equal(true)
      again.close()
    })
  })

  it('migrates from its first version', async () => {
    const old = join(app.folder, 'old.db')
    const database = new Database(old)
    database.exec(`
      CREATE TABLE sites (
        instance_id TEXT PRIMARY KEY, owner_id TEXT, plan TEXT, origin_instance_id TEXT,
        first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL
      ) STRICT;
      INSERT INTO sites VALUES ('instance-1', 'user-1', NULL, NULL, 1, 1);
    `)
    database.close()
    openAccounts(old).close()
    const again = openAccounts(old)

    expect(again.isRemoved('instance-1')).to.equal(false)
    expect(again.eventsOf('instance-1')).to.deep.equal([])
    again.close()
  })
})
