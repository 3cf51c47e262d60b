import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { startSimulator } from '../../../devtools/simulator/index.ts'
import { peopleAndSites } from '../../../devtools/simulator/own.ts'
import { PEOPLE, SITES } from '../../../devtools/simulator/sites.ts'
import { command, OWNER, stateOf } from '../../support/dashboard.ts'
import { simulate } from '../../support/simulated-app.ts'

describe('Sites and people of one’s own', () => {
  let folder: string
  let path: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
    path = join(folder, 'own.json')
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const write = (content: unknown): Promise<void> => writeFile(path, JSON.stringify(content))

  it('are added to those of the simulator, and need a name only', async () => {
    await write({ sites: { shop: { name: 'My shop' } }, people: { anna: { name: 'Anna' } } })
    const { sites, people } = peopleAndSites(folder)
    expect(Object.keys(sites)).to.deep.equal([...Object.keys(SITES), 'shop'])
    expect(Object.keys(people)).to.deep.equal([...Object.keys(PEOPLE), 'anna'])
    const { shop } = sites
    expect(shop).to.include({ name: 'My shop', url: 'https://shop.example', originInstanceId: null })
    const ids = [
      shop?.instanceId,
      shop?.siteId,
      shop?.ownerId,
      shop?.accountId,
      people['anna']?.id(SITES['yoga'] as never),
    ]
    for (const id of ids) expect(id).to.match(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/)
    expect(new Set(ids)).to.have.property('size', 5)
    // The next start has the same ids.
    expect(peopleAndSites(folder).sites).to.deep.equal(sites)
  })

  it('are read from a file as editors and PowerShell write it', async () => {
    for (const encoding of ['utf8', 'utf16le'] as const) {
      const content = Buffer.from('\uFEFF{ "people": { "anna": { "name": "Änna" } } }', encoding)
      await writeFile(join(folder, 'own.json'), content)
      expect(peopleAndSites(folder).people['anna']).to.include({ name: 'Änna', subjectType: 'MEMBER' })
    }
  })

  it('have the ids that they are given, in all that is signed', async () => {
    const site = {
      name: 'Laden & Söhne',
      url: 'https://shop.example/de',
      instanceId: 'instance-1',
      siteId: 'site-1',
      ownerId: 'owner-1',
      accountId: 'account-1',
      originInstanceId: 'instance-0',
    }
    await write({
      sites: { shop: site },
      people: { anna: { name: 'Anna', subjectType: 'USER', id: 'anna-1' }, ben: { name: 'Ben', id: 'ben-1' } },
    })
    const simulated = await simulate({ folder })
    const { simulator } = simulated
    const options = (await (await command(simulator, 'options', OWNER)).json()) as Record<string, object>
    expect(options['sites']).to.deep.include({ shop: site })
    expect(options['people']).to.include({ owner: 'Owner', anna: 'Anna', ben: 'Ben' })

    const shown = await simulator.open('dashboard', { site: 'shop', person: 'anna' })
    expect(shown).to.include({ title: 'Asked for the dashboard (anna)', status: 200 })
    expect((await stateOf(simulator)).log[0]?.credential?.decoded).to.include({
      instanceId: 'instance-1',
      originInstanceId: 'instance-0',
      siteOwnerId: 'owner-1',
      uid: 'anna-1',
      permissions: 'OWNER',
    })
    await simulated.close()
  })

  it('are what an event about a member is about', async () => {
    await write({ people: { ben: { name: 'Ben', subjectType: 'MEMBER', id: 'ben-1' } } })
    const simulated = await simulate({
      folder,
      webhooks: 'http://localhost:9/',
    })
    await simulated.simulator.trigger('member_created', { person: 'ben' })
    const decoded = (await stateOf(simulated.simulator)).log[0]?.credential?.decoded
    expect(decoded).to.have.nested.property('claims.data.data.entityId', 'ben-1')
    expect(decoded).to.have.nested.property('claims.data.identity.memberId', 'ben-1')
    await simulated.close()
  })

  it('are not looked for without a folder or a file', () => {
    for (const where of [undefined, folder])
      expect(peopleAndSites(where)).to.deep.equal({ sites: SITES, people: PEOPLE })
  })

  it('stop the start where they have another form, without showing what is written there', async () => {
    const name = 'Canary'
    const wrong: [content: unknown, message: string][] = [
      ['canary', ' must be an object with sites, people or both, and nothing else'],
      [{ persons: {} }, ' must be an object with sites, people or both, and nothing else'],
      [{ sites: [] }, ': sites must be an object'],
      [{ sites: { 'My shop': { name } } }, ': a key in sites must be a word of small letters, digits and -'],
      [
        { sites: { 'shop\u001B[2Jcanary': { name } } },
        ': a key in sites must be a word of small letters, digits and -',
      ],
      [{ sites: { bakery: { name } } }, ': sites.bakery is one of the simulator: take another key'],
      [{ people: { anna: 'Canary' } }, ': people.anna must be an object'],
      [{ people: { anna: { name, role: 'canary' } } }, ': people.anna may have only name, subjectType, id'],
      [{ people: { anna: {} } }, ': people.anna.name must be one printable line of at most 80 characters'],
      [{ people: { anna: { name: '\u001B[2Jcanary' } } }, ': people.anna.name must be one printable line'],
      [{ people: { anna: { name: 'a\ncanary' } } }, ': people.anna.name must be one printable line'],
      [{ people: { anna: { name: 'a\u202Ecanary' } } }, ': people.anna.name must be one printable line'],
      [{ people: { anna: { name: ' ' } } }, ': people.anna.name must be one printable line'],
      [{ people: { anna: { name, subjectType: 'APP' } } }, ': people.anna.subjectType must be USER, MEMBER or VISITOR'],
      [{ people: { anna: { name, id: 'canary; rm' } } }, ': people.anna.id must be an id: letters, digits'],
      [{ people: { anna: { name, id: 7 } } }, ': people.anna.id must be an id: letters, digits'],
      [{ sites: { shop: { name, url: 'http://canary.example' } } }, ': sites.shop.url must be an https URL'],
      [{ sites: { shop: { name, instanceId: null } } }, ': sites.shop.instanceId must be an id'],
    ]
    for (const [content, message] of wrong) {
      await write(content)
      const error = await startSimulator({ app: 'http://localhost:9/', folder }).catch((error: unknown) => error)
      expect(error)
        .to.be.instanceOf(Error)
        .with.property('message')
        .that.includes(path + message)
      expect((error as Error).message).to.not.match(/canary/i)
    }
    await writeFile(path, '{ "canary"')
    expect(() => peopleAndSites(folder)).to.throw(`${path} is not JSON`)
  })

  it('are read from a file that has an end, and from no link', async () => {
    await symlink('../elsewhere.json', path)
    expect(() => peopleAndSites(folder)).to.throw(`${path} must be a file of at most 65536 bytes, and no link`)
    await rm(path)
    await mkdir(path)
    expect(() => peopleAndSites(folder)).to.throw(`${path} must be a file of at most 65536 bytes, and no link`)
    await rm(path, { recursive: true, force: true })
    await writeFile(path, '{}')
    await truncate(path, 65_537)
    expect(() => peopleAndSites(folder)).to.throw(`${path} must be a file of at most 65536 bytes, and no link`)
  })
})
