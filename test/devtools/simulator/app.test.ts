import { expect } from 'chai'
import sinon from 'sinon'
import { App } from '../../../devtools/simulator/app.ts'
import { serve } from '../../support/serve.ts'
import { freePort } from '../../support/free-port.ts'

describe('What the simulator knows of the app', () => {
  afterEach(() => sinon.restore())

  it('is whether it listens, told when it comes or goes', async () => {
    const changes: string[] = []
    const port = await freePort()
    const app = new App(`http://127.0.0.1:${port}/page`, () => changes.push(app.status))
    expect(app.status).to.equal('unknown')
    await app.look()
    await app.look()
    const served = await serve(() => {}, port)
    await app.look()
    await served.close()
    await app.look()
    expect(changes).to.deep.equal(['down', 'up', 'down'])
  })

  it('comes back for a page that was not there, also where no look has missed it', async () => {
    const changes: string[] = []
    const served = await serve(() => {})
    const app = new App(`${served.url}/page`, () => changes.push(app.status))
    app.missed(`${served.url}/page?instance=x`)
    app.missed(`${served.url}/page?instance=y`)
    await app.look()
    app.missed('http://127.0.0.1:9/widget')
    await served.close()
    expect(changes).to.deep.equal(['down', 'up'])
  })

  it('is looked at each second while somebody watches', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const app = new App('http://127.0.0.1:9/', () => {})
    const look = sinon.stub(app, 'look').resolves()
    app.watch(true)
    clock.tick(2000)
    expect(look.callCount).to.equal(3)
    app.watch(true)
    app.watch(false)
    clock.tick(5000)
    expect(look.callCount).to.equal(4)
  })
})
