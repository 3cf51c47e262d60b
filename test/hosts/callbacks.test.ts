import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { describeWith } from '../support/left-out.ts'
import { HOSTS } from '../support/programs.ts'

/** A program beside the packages of the hosts: each custom callback throws, whatever it is called with. */
const PROGRAM = `
import Fastify from 'fastify'
import fastifyPassport from '@fastify/passport'
import Koa from 'koa'
import koaPassport from 'koa-passport'
import 'reflect-metadata'
import { Controller, Get, Module, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { AuthGuard } from '@nestjs/passport'
import passport from 'passport'
import { WixAppStrategy } from '../../dist/lib/index.js'
import { signInstance } from '../../dist/devtools/testing/index.js'

const good = signInstance({ instanceId: 'site-1' }, 'my-secret')
const verifies = { promise: async () => ({ id: 1 }), done: (instance, done) => done(null, { id: 1 }) }
const callbacks = { async: async () => { throw new Error('boom') }, sync: () => { throw new Error('boom') } }
const register = (passport) => {
  for (const [name, verify] of Object.entries(verifies)) passport.use(name, new WixAppStrategy({ secret: 'my-secret' }, verify))
  return passport
}
const statuses = async (url) => {
  const found = []
  for (const name of Object.keys(verifies))
    for (const how of Object.keys(callbacks))
      for (const instance of [good, 'forged']) found.push((await fetch(\`\${url}/\${name}/\${how}?instance=\${instance}\`)).status)
  return found
}

const fastify = Fastify()
fastify.decorateRequest('session', null)
const forFastify = register(new fastifyPassport.Authenticator())
for (const name of Object.keys(verifies))
  for (const [how, callback] of Object.entries(callbacks))
    fastify.get(\`/\${name}/\${how}\`, { preValidation: forFastify.authenticate(name, { session: false }, callback) }, async () => '')
const fastifyStatuses = await statuses(await fastify.listen({ port: 0, host: '127.0.0.1' }))

const koa = new Koa()
koa.silent = true
const forKoa = register(new koaPassport.KoaPassport())
koa.use((ctx, next) => {
  const [, name, how] = ctx.path.split('/')
  return forKoa.authenticate(name, { session: false }, callbacks[how])(ctx, next)
})
const server = koa.listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const koaStatuses = await statuses(\`http://127.0.0.1:\${server.address().port}\`)

// Nest has a custom callback of its own, which calls this method.
register(passport)
class Routes {}
for (const name of Object.keys(verifies))
  for (const [how, handleRequest] of Object.entries(callbacks)) {
    class Guard extends AuthGuard(name) {}
    Guard.prototype.handleRequest = handleRequest
    const method = name + how
    Routes.prototype[method] = () => ''
    const route = [Routes.prototype, method, Object.getOwnPropertyDescriptor(Routes.prototype, method)]
    Get(\`\${name}/\${how}\`)(...route)
    UseGuards(Guard)(...route)
  }
Controller()(Routes)
class App {}
Module({ controllers: [Routes] })(App)
const nest = await NestFactory.create(App, { logger: false })
await nest.listen(0, '127.0.0.1')
const nestStatuses = await statuses(await nest.getUrl())
console.log(JSON.stringify({ fastify: fastifyStatuses, koa: koaStatuses, nest: nestStatuses }))
process.exit()
`

describeWith(HOSTS, 'A custom callback that throws', function () {
  it('is a 500 in Fastify, Koa and Nest, behind a promise and behind done, and does not end the process', async () => {
    const file = join(import.meta.dirname, `.page-callbacks-${process.pid}.mjs`)
    await writeFile(file, PROGRAM)
    try {
      const { stdout } = await promisify(execFile)(process.execPath, ['--unhandled-rejections=strict', file])
      const failures = Array.from({ length: 8 }, () => 500)
      expect(JSON.parse(stdout)).to.deep.equal({ fastify: failures, koa: failures, nest: failures })
    } finally {
      await rm(file, { force: true })
    }
  })
})
