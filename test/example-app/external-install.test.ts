import { expect } from 'chai'
import express from 'express'
import type { Simulator } from 'passport-wix-app/simulator'
import { externalInstall } from '../../example-app/demo/external-install.ts'
import { problemPages } from '../../example-app/demo/problems.ts'
import { explainRefusal } from '../../example-app/sign-in.ts'
import { signInstance } from '../../devtools/testing/index.ts'
import { SECRET } from '../support/build.ts'
import { APP_ID, member, owner, visitor } from '../support/example-app.ts'
import { serve, type Served } from '../support/serve.ts'

const ORIGIN = 'http://localhost:3000'
const environment = { WIX_APP_ID: APP_ID, WIX_APP_SECRET: SECRET, WIX_INSTALLER_URL: 'http://localhost:4949/installer' }

describe('The install from the website of the example app', () => {
  let server: Served
  let cookie: string
  let state: string

  before(async () => {
    const website = externalInstall({ url: 'http://localhost:4949', environment } as Simulator, ORIGIN)
    server = await serve(express().use(website, explainRefusal, problemPages()))
  })
  after(() => server.close())
  beforeEach(async () => {
    const { headers } = await fetch(new URL('/install', server.url), { redirect: 'manual' })
    cookie = String(headers.get('set-cookie')).split(';', 1).join()
    const back = new URL(new URL(String(headers.get('location'))).searchParams.get('postInstallationUrl') ?? '')
    state = back.searchParams.get('state') ?? ''
    expect(back.href).to.equal(`${ORIGIN}/installed?state=${state}`)
    expect(cookie).to.equal(`install-state=${state}`)
  })

  /** As Wix leads back. */
  const finish = async (query: string, payload = owner()): Promise<unknown[]> => {
    const address = `/installed?signedInstance=${signInstance(payload, SECRET)}&${query}`
    const response = await fetch(new URL(address, server.url), { headers: { cookie }, redirect: 'manual' })
    const [, code] = /<code>(\w+)<\/code>/.exec(await response.text()) ?? []
    return [response.status, response.headers.get('location') ?? code]
  }

  it('ends where it began, for the site that Wix has signed for', async () => {
    expect(await finish(`state=${state}&instanceId=instance-1`)).to.deep.equal([303, '/welcome'])
  })

  it('takes the whole state that the browser has, and no part of it or more', async () => {
    const others = ['', state[0], state.slice(0, -1), `${state}A`, state.toLowerCase(), `${state}&state=${state}`]
    for (const query of ['', ...others.map((other) => `state=${other}&`)])
      expect(await finish(`${query}instanceId=instance-1`), query).to.deep.equal([400, 'state_invalid'])
    cookie = ''
    expect(await finish(`state=${state}&instanceId=instance-1`)).to.deep.equal([400, 'state_invalid'])
    expect(await finish('state=&instanceId=instance-1')).to.deep.equal([400, 'state_invalid'])
  })

  it('takes no other site than the one that Wix has signed for', async () => {
    const others = ['', 'instance-', 'instance-11', 'instance-2', 'INSTANCE-1', 'instance-1&instanceId=instance-1']
    for (const query of ['', ...others.map((other) => `&instanceId=${other}`)])
      expect(await finish(`state=${state}${query}`), query).to.deep.equal([403, 'insufficient_scope'])
  })

  it('takes no instance of a member or a visitor of the site', async () => {
    for (const payload of [member(), visitor()]) {
      const refused = await finish(`state=${state}&instanceId=instance-1`, payload)
      expect(refused).to.deep.equal([403, 'insufficient_scope'])
    }
  })
})
