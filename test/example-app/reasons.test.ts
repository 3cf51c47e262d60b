import { expect } from 'chai'
import express from 'express'
import sinon from 'sinon'
import { signDigest, signInstance, signServicePlugin } from '../../devtools/testing/index.ts'
import type { AuditEntry } from '../../example-app/database.ts'
import { OTHER_SECRET, SECRET } from '../support/build.ts'
import {
  APP_ID,
  collaborator,
  describeExampleApp,
  KEYS,
  member,
  minutesFromNow,
  now,
  owner,
  visitor,
} from '../support/example-app.ts'

interface Note {
  id: number
  authorId: string
  content: string
  audience: string
}
interface Entry {
  id: number
  subjectType: string
  subjectId: string
  proof: string
  method: string
  path: string
  outcome: string
  status: number
  code: string | null
}
interface Proof {
  proof: string
  accepted: number
  refused: number
}
interface Usage {
  month: string
  subjectType: string
  subjectId: string
  calls: number
}

/** The first millisecond of a minute: refusals are counted by minutes, and a test must not end in another one. */
const MINUTE = Date.UTC(2026, 10, 30, 12)

const FORBIDDEN = { code: 'insufficient_scope', message: 'This Wix identity may not do this' }

describeExampleApp('The reasons of the example app to know the caller', (app) => {
  const { open, openWidget, send, post, ask, call, read, session, sessionOf, me, accessToken, rows } = app

  const add = async (bearer: string, content: string, audience?: string): Promise<void> => {
    expect((await call('POST /api/notes', bearer, { content, audience })).status).to.equal(201)
  }
  const notes = (bearer: string): Promise<Note[]> => read('/api/notes', bearer)
  const contents = async (bearer: string): Promise<string[]> => (await notes(bearer)).map(({ content }) => content)
  const audit = (bearer: string, filter = ''): Promise<Entry[]> => read(`/api/audit${filter}`, bearer)

  describe('data of an identity', () => {
    it('gives each person their own notes, and all who run the site the shared ones, the latest first', async () => {
      const [one, two] = [await sessionOf(owner()), await sessionOf(collaborator())]
      await add(one, 'my own')
      await add(one, 'for us', 'site')
      await add(two, 'another one’s')

      expect(await contents(one)).to.deep.equal(['for us', 'my own'])
      expect(await contents(two)).to.deep.equal(['another one’s', 'for us'])
      expect((await notes(two))[0]).to.include({ authorId: 'user-2', audience: 'me' })
    })

    it('keeps the notes of each installation apart, also for the same person', async () => {
      await add(await sessionOf(owner()), 'here', 'site')

      expect(await contents(await sessionOf(owner({ instanceId: 'instance-2' })))).to.deep.equal([])
    })

    it('changes the settings of one installation, also for the same person', async () => {
      const [here, there] = [await sessionOf(owner()), await sessionOf(owner({ instanceId: 'instance-2' }))]
      const before = (await me(there)).account
      await call('PUT /api/site', here, { title: 'News' })
      await call('PUT /api/me', here, { name: 'Ann', language: 'de' })
      expect((await me(here)).account).to.containSubset({ site: { title: 'News' }, user: { name: 'Ann' } })
      expect((await me(there)).account).to.deep.equal(before)
    })

    it('gives a copied site a copy of the settings and of the public notes, once', async () => {
      const first = await sessionOf(owner())
      await add(first, 'my own')
      await add(first, 'for us', 'site')
      await add(first, 'for all', 'site')
      const [{ id }] = (await notes(first)) as [Note]
      await call(`PUT /api/notes/${id}/published`, first)
      await call('PUT /api/site', first, { title: 'News' })
      await send('AppInstalled', { instanceId: 'instance-2', data: { originInstanceId: 'instance-1' } })
      await add(first, 'later', 'site')

      const copy = await sessionOf(
        owner({ instanceId: 'instance-2', originInstanceId: 'instance-1', vendorProductId: null }),
      )
      expect(await contents(copy)).to.deep.equal(['for all'])
      expect((await notes(copy)).map(({ audience }) => audience)).to.deep.equal(['site'])
      expect((await me(copy)).account.site).to.include({ title: 'News', originId: 'instance-1' })
      await call('DELETE /api/notes', copy)
      expect(await contents(first)).to.have.lengthOf(4)
    })

    it('erases what is stored about a person when Wix asks for it (GDPR), and keeps the count of calls', async () => {
      const [one, two] = [await sessionOf(owner()), await sessionOf(collaborator())]
      await call('PUT /api/me', two, { name: 'Ben' })
      await add(two, 'shared', 'site')
      const before = (await rows('usage')).reduce((sum, { calls }) => sum + Number(calls), 0)
      const data = { id: 'event-1', entityFqdn: 'wix.members.v1.member', entityId: 'user-2' }
      await send('wix.members.v1.member_deleted', { data })
      expect(await contents(one), 'without the mark, it is an ordinary event').to.deep.equal(['shared'])
      await send('wix.members.v1.member_deleted', {
        data: { ...data, id: 'event-2', triggeredByAnonymizeRequest: true },
      })

      for (const table of ['users', 'notes', 'audit', 'usage'] as const) {
        expect(JSON.stringify(await rows(table)), table).to.not.match(/user-2|Ben|shared/)
      }
      expect(before).to.equal(1)
      expect((await rows('usage')).reduce((sum, { calls }) => sum + Number(calls), 0)).to.equal(1)
      expect(await rows('users')).to.have.lengthOf(1)
    })

    it('erases a person on the site that Wix names, and leaves the same person on another site alone', async () => {
      const [here, there] = [await sessionOf(owner()), await sessionOf(owner({ instanceId: 'instance-2' }))]
      for (const bearer of [here, there]) await add(bearer, 'billed already')
      await app.database.prune(1)
      for (const bearer of [here, there]) await add(bearer, 'to be billed')
      const tables = ['users', 'notes', 'audit', 'billed'] as const
      const rowsOf = async (site: string): Promise<Record<string, unknown>[]> =>
        (await Promise.all(tables.map((table) => rows(table)))).flat().filter(({ instanceId }) => instanceId === site)
      const before = await rowsOf('instance-2')
      const data = { id: 'event-1', entityId: 'user-1', triggeredByAnonymizeRequest: true }
      await send('wix.members.v1.member_deleted', { data })

      expect(await rowsOf('instance-2')).to.deep.equal(before)
      expect(JSON.stringify(await rowsOf('instance-1'))).to.not.match(/user-1|bill/)
    })

    for (const [what, body] of [
      ['nothing', undefined],
      ['no content', { content: ' ' }],
      ['content that is no string', { content: 7 }],
      ['more than 500 characters', { content: 'a'.repeat(501) }],
      ['an audience that it may not choose', { content: 'a', audience: 'public' }],
    ] as const) {
      it(`responds to a note with ${what} with 400, and stores nothing`, async () => {
        const response = await call('POST /api/notes', await sessionOf(owner()), body)

        expect(response.status).to.equal(400)
        expect(await response.json()).to.include({ code: 'bad_request' })
        expect(await rows('notes')).to.deep.equal([])
      })
    }
  })

  describe('authentication', () => {
    it('shows which credential signed the caller in, and for which one a session token was traded', async () => {
      const byInstance = await me(await sessionOf(owner()))
      const byToken = await me(await session(accessToken()))
      const direct = await me(accessToken())

      expect(byInstance.proof).to.include({ kind: 'session token', tradedFor: 'instance' })
      expect(byToken.proof).to.include({ kind: 'session token', tradedFor: 'access token' })
      expect(direct.proof).to.include({ kind: 'access token' })
      expect(direct.proof).to.not.have.property('tradedFor')
      expect(Number(byInstance.proof['exp']) - Number(byInstance.proof['iat'])).to.equal(600)
    })

    it('counts all proofs: an instance, access and session tokens, webhooks, plugin calls and Digest headers', async () => {
      await open(owner())
      await open(visitor())
      // Not counted here: another site, also of the same person.
      await open(owner({ instanceId: 'instance-2' }))
      await ask('/api/notes', accessToken())
      await send('AppInstalled')
      const metadata = { instanceId: 'instance-1', currency: 'EUR' }
      const plugin = signServicePlugin({ appId: APP_ID, request: {}, metadata }, KEYS.privateKey)
      await post('/plugins/fees/v1/calculate-additional-fees', plugin)
      const payment = JSON.stringify({ instanceId: 'instance-1' })
      await post('/payments/events', payment, { Digest: signDigest(payment, KEYS.privateKey) })
      const bearer = await sessionOf(owner())
      await ask('/api/notes', bearer)
      const proofs = await read<Proof[]>('/api/proofs', bearer)

      expect(proofs.map(({ proof, accepted, refused }) => [proof, accepted, refused])).to.deep.equal([
        ['wix-access-token', 1, 0],
        ['wix-app', 2, 1],
        ['wix-digest', 1, 0],
        ['wix-service-plugin', 1, 0],
        ['wix-session', 1, 0],
        ['wix-webhook', 1, 0],
      ])
    })
  })

  describe('authorization', () => {
    it('lets each person change and delete their own notes only', async () => {
      const [one, two] = [await sessionOf(owner()), await sessionOf(collaborator())]
      await add(one, 'for us', 'site')
      await add(one, 'my own')
      const [own, shared] = (await notes(one)) as [Note, Note]

      for (const what of [`DELETE /api/notes/${shared.id}`, `PUT /api/notes/${shared.id}/published`]) {
        const response = await call(what, two)
        expect([response.status, await response.json()]).to.deep.equal([403, FORBIDDEN])
      }
      // What one may not read does not exist, as if it were of another site.
      expect((await call(`DELETE /api/notes/${own.id}`, two)).status).to.equal(404)
      expect((await call(`DELETE /api/notes/${own.id}`, await sessionOf(owner({ instanceId: 'x' })))).status).to.equal(
        404,
      )
      expect((await call('DELETE /api/notes/99', one)).status).to.equal(404)
      expect((await call(`DELETE /api/notes/${shared.id}`, one)).status).to.equal(204)
      expect(await contents(one)).to.deep.equal(['my own'])
    })

    it('lets the owner alone delete all notes and change the settings of the site', async () => {
      const [one, two] = [await sessionOf(owner()), await sessionOf(collaborator())]
      await add(two, 'for us', 'site')
      await add(two, 'my own')

      for (const [what, body] of [
        ['DELETE /api/notes', undefined],
        ['PUT /api/site', { title: 'News' }],
      ] as const) {
        // Also whoever has an id that the one of the owner begins with, or that begins with it.
        for (const uid of ['user-2', 'user-', 'user-11']) {
          const response = await call(what, await sessionOf(owner({ uid })), body)
          expect([response.status, await response.json()], uid).to.deep.equal([403, FORBIDDEN])
        }
      }
      expect((await call('PUT /api/site', one, { title: ' News ' })).status).to.equal(204)
      expect((await me(two)).account.site).to.include({ title: 'News' })
      expect((await call('PUT /api/site', one, { title: '' })).status).to.equal(400)
      expect(await (await call('DELETE /api/notes', one)).json()).to.deep.equal({ deleted: 2 })
      expect(await rows('notes')).to.deep.equal([])
    })

    it('publishes notes on a paid plan only, that of now, whatever the session was issued for', async () => {
      const bearer = await sessionOf(owner({ vendorProductId: null }))
      await add(bearer, 'for all')
      const [{ id }] = (await notes(bearer)) as [Note]
      const refused = await call(`PUT /api/notes/${id}/published`, bearer)
      const reason = { code: 'plan_required', message: 'This needs a paid plan' }
      expect([refused.status, await refused.json()]).to.deep.equal([403, reason])
      expect((await audit(bearer))[0]).to.include({ outcome: 'fail', status: 403 })
      await open(owner({ vendorProductId: 'Gold' }))

      expect((await call(`PUT /api/notes/${id}/published`, bearer)).status).to.equal(204)
      expect((await notes(bearer))[0]).to.include({ audience: 'public' })
      expect((await call(`DELETE /api/notes/${id}/published`, bearer)).status).to.equal(204)
      expect((await notes(bearer))[0]).to.include({ audience: 'site' })
    })

    it('lets members and visitors read what is public in the widget, and nothing else', async () => {
      const one = await sessionOf(owner())
      await add(one, 'for us', 'site')
      await add(one, 'for all')
      const [{ id }] = (await notes(one)) as [Note]
      await call(`PUT /api/notes/${id}/published`, one)

      for (const payload of [visitor(), member()]) {
        expect((await openWidget(payload)).status).to.equal(200)
        expect((await open(payload)).status).to.equal(403)
        const bearer = await sessionOf(payload)
        const board = await read<{ title: string; notes: Note[] }>('/api/board', bearer)
        expect(board.title).to.equal('Notes')
        expect(board.notes.map((note) => Object.keys(note))).to.deep.equal([['id', 'content', 'createdAt']])
        expect(board.notes[0]).to.include({ content: 'for all' })
        // The page is public: it is the same for who runs the site, whatever they may read elsewhere.
        expect(await read('/api/board', one)).to.deep.equal(board)
        for (const what of [
          'GET /api/me',
          'GET /api/people',
          'PUT /api/me',
          'POST /api/me/sign-out',
          'GET /api/notes',
          'POST /api/notes',
          'DELETE /api/notes',
          `DELETE /api/notes/${id}`,
          `PUT /api/notes/${id}/published`,
          'PUT /api/site',
          'GET /api/audit',
          'GET /api/events',
          'GET /api/bill',
          'GET /api/usage',
          'GET /api/usage.csv',
        ]) {
          expect((await call(what, bearer)).status, what).to.equal(403)
        }
      }
      expect((await openWidget(owner())).status).to.equal(200)
    })
  })

  describe('audit', () => {
    it('stores who did what, with which proof, and refusals, one entry for each request', async () => {
      await open(owner())
      const bearer = await sessionOf(owner())
      await add(bearer, 'my own')
      await call('DELETE /api/notes', await session(accessToken({ subjectId: 'user-2' })))
      await open(visitor())
      const entries = await audit(bearer)

      expect(
        entries.map(({ subjectType, subjectId, proof, method, path, outcome, status, code }) =>
          [subjectType, subjectId, proof, method, path, outcome, status, code].join(' '),
        ),
      ).to.deep.equal([
        'VISITOR visitor-1 wix-app GET /dashboard fail 403 insufficient_scope',
        'USER user-2 wix-session DELETE /api/notes fail 403 insufficient_scope',
        'USER user-2 wix-access-token POST /session success 200 ',
        'USER user-1 wix-session POST /api/notes success 201 ',
        'USER user-1 wix-app POST /session success 200 ',
        'USER user-1 wix-app GET /dashboard success 200 ',
      ])
    })

    it('is filtered by outcome, proof and person, and by page', async () => {
      const bearer = await sessionOf(owner())
      for (let count = 0; count < 55; count += 1) await ask('/api/notes', bearer)
      await open(visitor())
      const [first] = await audit(bearer)

      const refused = await audit(bearer, '?outcome=fail&proof=')
      expect(refused.map(({ subjectId }) => subjectId)).to.deep.equal(['visitor-1'])
      expect(await audit(bearer, '?proof=wix-app')).to.have.lengthOf(2)
      expect(await audit(bearer, '?subject=visitor-1')).to.have.lengthOf(1)
      const all = await audit(bearer)
      expect(all).to.have.lengthOf(50)
      const older = await audit(bearer, `?before=${all.at(-1)?.id}`)
      expect(Number(older[0]?.id))
        .to.be.below(Number(all.at(-1)?.id))
        .and.below(Number(first?.id))
      for (const filter of ['outcome=fail&outcome=success', 'before=now', 'before=1&before=2', 'before=1e99']) {
        expect((await ask(`/api/audit?${filter}`, bearer)).status, filter).to.equal(400)
      }
      expect(await audit(bearer, '?outcome=%00')).to.deep.equal([])
    })

    it('is that of the site, for all who run it', async () => {
      await open(owner({ instanceId: 'instance-2' }))
      const entries = await audit(await sessionOf(collaborator()))

      expect(entries.map(({ path, subjectId }) => [path, subjectId])).to.deep.equal([['/session', 'user-2']])
    })

    it('has the reason for which the look-up of the app refused a genuine credential', async () => {
      await send('AppRemoved')
      await open(owner())

      expect((await rows('audit')).at(-1)).to.include({
        subjectId: 'user-1',
        outcome: 'fail',
        status: 401,
        code: 'app_removed',
      })
    })

    it('only counts refused requests that nobody is known to have sent, by minute and reason', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['Date'], now: MINUTE + 1000 })
      const forged = signInstance(owner(), OTHER_SECRET)
      for (let count = 0; count < 50; count += 1) await app.get(`/dashboard?instance=${forged}`)
      await ask('/api/me?token=secret', forged)
      await ask('/api/me', `Bearer ${accessToken({ clientId: 'another-app' })}`)
      await app.database.flush()
      clock.tick(58_999)
      await ask(`/api/${forged}`)
      await app.get(`/dashboard?instance=${forged}`)
      clock.tick(1)
      await app.get(`/dashboard?instance=${forged}`)
      await app.database.flush()

      expect(await rows('audit')).to.deep.equal([])
      expect(await rows('refusals')).to.deep.equal([
        { minute: MINUTE, code: 'claim_invalid', requests: 1 },
        { minute: MINUTE, code: 'credentials_missing', requests: 2 },
        { minute: MINUTE, code: 'signature_invalid', requests: 51 },
        { minute: MINUTE + 60_000, code: 'signature_invalid', requests: 1 },
      ])
    })

    it('writes what it has counted after a second, when it ends, and later where that failed', async () => {
      const log = sinon.stub(console, 'error')
      const clock = sinon.useFakeTimers({ toFake: ['Date', 'setTimeout'], now: MINUTE + 1000 })
      const fault = new Error('the disk is full')
      const broken = sinon.stub(app.database, 'tables').get(() => {
        throw fault
      })
      app.database.countRefusal('token_expired')
      await clock.tickAsync(1000)
      broken.restore()
      sinon.assert.calledOnceWithExactly(log, fault)
      app.database.countRefusal('token_expired')
      await clock.tickAsync(999)
      expect(await rows('refusals')).to.deep.equal([])
      clock.restore()
      await app.database.flush()

      expect((await rows('refusals')).map(({ code, requests }) => [code, requests])).to.deep.equal([
        ['token_expired', 2],
      ])
    })

    it('stores the refusal of a genuine credential, and holds no credential and no query string', async () => {
      const expired = signInstance(owner({ expirationDate: minutesFromNow(-10) }), SECRET)
      await app.get(`/dashboard/${expired}?instance=${expired}`)
      await app.get(`/dashboard?instance=${expired}`)
      await ask('/api/me', await sessionOf(visitor()))

      const stored = await rows('audit')
      expect(stored.map(({ path, status, code, instanceId }) => [path, status, code, instanceId])).to.deep.equal([
        ['/dashboard', 401, 'token_expired', 'instance-1'],
        ['/session', 200, null, 'instance-1'],
        ['/api/me', 403, 'insufficient_scope', 'instance-1'],
      ])
      expect(JSON.stringify(stored))
        .to.not.include(expired.slice(0, 20))
        .and.to.not.match(/secret|OauthNG|\?/)
    })

    it('has a call on record before the caller has any of the answer', async () => {
      for (const ask of [() => open(owner()), () => app.exchange(signInstance(owner(), SECRET))]) {
        const audit = app.database.audit.bind(app.database)
        let store = (): void => {}
        const asked = new Promise<void>((resolve) => {
          sinon.stub(app.database, 'audit').callsFake(async (entry) => {
            resolve()
            await new Promise<void>((stored) => (store = stored))
            return audit(entry)
          })
        })
        let isAnswered = false
        const answer = ask().then(({ status }) => {
          isAnswered = true
          return status
        })
        await asked
        await app.get('/health')
        expect(isAnswered).to.equal(false)
        store()
        expect(await answer).to.equal(200)
        sinon.restore()
      }
    })

    it('leaves out what an open page asks for by itself, and stores its refusal', async () => {
      const bearer = await sessionOf(owner())
      for (let count = 0; count < 3; count += 1) await ask('/api/events', bearer)
      expect(await rows('audit')).to.have.lengthOf(1)
      await send('AppRemoved')
      await ask('/api/events', bearer)

      expect((await rows('audit')).at(-1)).to.include({ path: '/api/events', code: 'app_removed' })
    })

    it('that cannot be stored is logged, and ends neither the answer nor the process', async () => {
      const log = sinon.stub(console, 'error')
      const fault = new Error('the disk is full')
      sinon.stub(app.database, 'audit').rejects(fault)

      expect((await open(owner())).status).to.equal(200)
      sinon.assert.calledOnceWithExactly(log, fault)
    })
  })

  describe('personalization', () => {
    it('remembers the name and the language of each person, and names those of the site who have one', async () => {
      const [one, two] = [await sessionOf(owner()), await sessionOf(collaborator())]
      for (const change of [{ name: 'Ann' }, { language: 'de' }]) {
        expect((await call('PUT /api/me', one, change)).status).to.equal(204)
      }

      expect((await me(one)).account.user).to.deep.equal({ name: 'Ann', language: 'de', visits: 0 })
      expect((await me(two)).account.user).to.deep.equal({ name: null, language: null, visits: 0 })
      expect(await read('/api/people', two)).to.deep.equal([{ userId: 'user-1', name: 'Ann' }])
      expect(await read('/api/people', await sessionOf(owner({ instanceId: 'instance-2' })))).to.deep.equal([])
      await call('PUT /api/me', one, { name: '' })
      expect((await me(one)).account.user).to.include({ name: '', language: 'de' })
      expect(await read('/api/people', two)).to.deep.equal([])
    })

    it('responds to a name or a language that is none with 400, and keeps neither', async () => {
      const bearer = await sessionOf(owner())
      for (const change of [{ name: 7 }, { name: 'a'.repeat(61) }, { language: 'fr' }]) {
        expect((await call('PUT /api/me', bearer, change)).status).to.equal(400)
        expect((await me(bearer)).account.user).to.include({ name: null, language: null })
      }
    })

    it('responds to a body that is no JSON with 400, without a part of it', async () => {
      const response = await fetch(new URL('/api/me', app.url), {
        method: 'PUT',
        headers: { authorization: await sessionOf(owner()), 'content-type': 'application/json' },
        body: '{"name": secret',
      })

      expect(response.status).to.equal(400)
      expect(await response.json()).to.deep.equal({ code: 'bad_request', message: 'Bad Request' })
    })
  })

  describe('billing by use', () => {
    const month = () => new Date().toISOString().slice(0, 7)

    it('counts what each person did in each month on each site, and neither refusals nor what the pages ask for', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-10-31T23:00:00Z') })
      await app.restart(app.create())
      const from = (payload = owner()) => ({
        ...payload,
        signDate: new Date().toISOString(),
        expirationDate: undefined,
      })
      await add(await sessionOf(from()), 'in October')
      clock.tick(7200_000)
      const bearer = await sessionOf(from())
      await add(bearer, 'for us', 'site')
      await call('POST /api/notes', bearer, { content: '' })
      await call('POST /api/notes', `${bearer}A`, { content: 'forged' })
      const [{ id }] = (await notes(bearer)) as [Note]
      await call(`PUT /api/notes/${id}/published`, bearer)
      await call(`PUT /api/notes/${id}/published`, await sessionOf(from(collaborator())))
      await call(`DELETE /api/notes/${id}/published`, bearer)
      await call(`DELETE /api/notes/${id}`, bearer)
      await add(await sessionOf(from(collaborator())), 'mine')
      await add(await sessionOf(from(owner({ instanceId: 'instance-2' }))), 'elsewhere')
      for (const address of ['/api/me', '/api/events', '/api/audit', '/api/proofs', '/api/bill'])
        await ask(address, bearer)
      await openWidget(from(visitor()))
      await read('/api/board', await sessionOf(from(visitor())))
      await send('AppInstalled')

      expect((await read<Usage[]>('/api/usage', bearer)).map((row) => Object.values(row).join(' '))).to.deep.equal([
        '2026-10 USER user-1  1',
        '2026-11 USER user-1  2',
        '2026-11 USER user-2  1',
      ])
    })

    it('counts what somebody did who has hung up in the meantime', async () => {
      const bearer = await sessionOf(owner())
      let closed = (): void => {}
      const left = new Promise<void>((resolve) => (closed = resolve))
      const watched = express().use((_req, res, next) => {
        res.once('close', closed)
        next()
      })
      await app.restart(watched.use(app.create()))
      const leaving = new AbortController()
      const callsOf = app.database.callsOf.bind(app.database)
      sinon.stub(app.database, 'callsOf').callsFake(async (...args) => {
        leaving.abort()
        await left
        return callsOf(...args)
      })
      const audit = app.database.audit.bind(app.database)
      const stored = new Promise<AuditEntry>((resolve) => {
        sinon.stub(app.database, 'audit').callsFake(async (entry) => {
          await audit(entry)
          resolve(entry)
        })
      })
      const headers = { authorization: bearer, 'content-type': 'application/json' }
      const body = JSON.stringify({ content: 'and away' })
      const init = { method: 'POST', headers, body, signal: leaving.signal }
      expect(await fetch(new URL('/api/notes', app.url), init).catch((error: unknown) => error)).to.include({
        name: 'AbortError',
      })

      expect(await stored).to.include({ path: '/api/notes', outcome: 'success', status: 201, month: month() })
      sinon.restore()
      expect(await contents(bearer)).to.deep.equal(['and away'])
      expect(await read('/api/bill', bearer)).to.include({ calls: 1 })
    })

    it('costs nothing on the free plan, which ends at its limit; what is there can still be deleted', async () => {
      const bearer = await sessionOf(owner({ vendorProductId: null }))
      for (let count = 0; count < 20; count += 1) await add(bearer, `Note ${count}`)
      const refused = await call('POST /api/notes', bearer, { content: 'one more' })

      const reason = { code: 'limit_reached', message: 'The free plan has no more calls this month' }
      expect([refused.status, await refused.json()]).to.deep.equal([403, reason])
      expect(await read('/api/bill', bearer)).to.deep.equal({
        month: month(),
        calls: 20,
        included: 20,
        centsPerCall: null,
        cents: 0,
      })
      const [{ id }] = (await notes(bearer)) as [Note]
      expect((await call(`DELETE /api/notes/${id}`, bearer)).status).to.equal(204)
      await add(await sessionOf(owner({ instanceId: 'instance-2', vendorProductId: null })), 'elsewhere')
    })

    it('costs two cents for each further call on a paid plan', async () => {
      const bearer = await sessionOf(owner())
      expect(await read('/api/bill', bearer)).to.include({ calls: 0, included: 20, centsPerCall: 2, cents: 0 })
      for (let count = 0; count < 22; count += 1) await add(bearer, `Note ${count}`)

      expect(await read('/api/bill', bearer)).to.include({ calls: 22, cents: 4 })
    })

    it('is answered with 500, and not taken for a refusal, while the calls cannot be counted', async () => {
      sinon.stub(console, 'error')
      const bearer = await sessionOf(owner())
      sinon.stub(app.database, 'callsOf').rejects(new Error('the disk is full'))

      expect((await call('POST /api/notes', bearer, { content: 'a' })).status).to.equal(500)
      expect(await rows('notes')).to.deep.equal([])
    })

    it('is downloaded as CSV, in which no name is a formula', async () => {
      const names = ['=HYPERLINK("http://evil.example")', '+1', '-1', '@SUM(A1)', ' \t=1', '＝1', 'Ann, "the owner"']
      for (const [index, name] of names.entries()) {
        const bearer = await sessionOf(owner({ uid: `user-${index}` }))
        await call('PUT /api/me', bearer, { name })
        await add(bearer, 'mine')
      }
      const response = await ask('/api/usage.csv', await sessionOf(owner({ uid: 'user-0' })))

      expect(response.status).to.equal(200)
      expect(response.headers.get('content-type')).to.equal('text/csv; charset=utf-8')
      expect(response.headers.get('content-disposition')).to.equal('attachment; filename=usage.csv')
      const line = (index: number, name: string) => `"${month()}","USER","user-${index}","${name}","1"`
      expect((await response.text()).split('\r\n')).to.deep.equal([
        'month,subjectType,subjectId,name,calls',
        line(0, `'=HYPERLINK(""http://evil.example"")`),
        line(1, "'+1"),
        line(2, "'-1"),
        line(3, "'@SUM(A1)"),
        line(4, "'  =1"),
        line(5, "'＝1"),
        line(6, 'Ann, ""the owner""'),
        '',
      ])
    })
  })

  describe('what Wix sent', () => {
    it('is listed for the site, at most ten events, the latest first', async () => {
      for (let count = 1; count <= 12; count += 1) await send(`Event${count}`, {}, { iat: now() - 20 + count })
      await send('Elsewhere', { instanceId: 'instance-2' })
      const events = await read<Record<string, unknown>[]>('/api/events', await sessionOf(collaborator()))

      expect(events.map(({ type }) => type)).to.deep.equal(
        [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((count) => `Event${count}`),
      )
      expect(Object.keys(events[0] ?? {})).to.deep.equal(['kind', 'type', 'eventId', 'receivedAt'])
    })
  })
})
