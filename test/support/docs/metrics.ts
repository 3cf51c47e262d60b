import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { PageTest } from '../docs-page.ts'
import { expired, listenTo, owner } from '../notes-server.ts'

/** Stands in for the provider of traces, which is not installed here: prints each span when it ends. */
const PROVIDER = `
import { trace } from '@opentelemetry/api'
export class ConsoleSpanExporter {}
export class BatchSpanProcessor {}
export class NodeTracerProvider {
  register() { trace.setGlobalTracerProvider(this) }
  getTracer() {
    return {
      startSpan: (name, { startTime, attributes }) => ({
        recordException() {},
        setStatus() {},
        end: () => console.log('SPAN', name, startTime <= Date.now(), attributes['wix.outcome'], attributes['wix.code']),
      }),
    }
  }
}
`
const HOOKS = `
import { register } from 'node:module'
const hooks = 'export const resolve = (name, context, next) => ' +
  'name === "@opentelemetry/sdk-trace-node" ? next("./provider.mjs", { ...context, parentURL: "' + import.meta.url + '" }) : next(name, context)'
register('data:text/javascript,' + encodeURIComponent(hooks))
`

export default {
  implicitAny: true,
  notRun: {
    'npm install @opentelemetry/api @opentelemetry/sdk-metrics': 'this repository has both packages',
    'npm install @opentelemetry/api @opentelemetry/sdk-trace-node': 'a stand-in is enough',
  },
  // As they are in @opentelemetry/sdk-trace-node 2.12.
  ambient: `
    declare module '@opentelemetry/sdk-trace-node' {
      export class ConsoleSpanExporter { private readonly kind: 'exporter' }
      export class BatchSpanProcessor { constructor(exporter: ConsoleSpanExporter); private readonly kind: 'processor' }
      export class NodeTracerProvider {
        constructor(config?: { spanProcessors?: BatchSpanProcessor[] })
        register(): void
      }
    }
  `,
  claims: {
    'count outcomes without ids, and export them at the end': async (page) => {
      const server = await listenTo(page, '--import ./metrics.mjs')
      await server.ask(`/notes/7?instance=${owner}`)
      await server.ask(`/notes/9?instance=${expired}`)
      process.kill(-Number(server.child.pid), 'SIGTERM')
      const [counted] = await server.printed(/name: 'wix\.authentications'[^]*name: 'wix\.authentication\.duration'/)
      expect(counted).to.match(/strategy: 'wix-app',\s+outcome: 'success',\s+status: 200,\s+code: 'none'/)
      expect(counted).to.match(/strategy: 'wix-app',\s+outcome: 'fail',\s+status: 401,\s+code: 'token_expired'/)
      expect(server.output).to.not.match(/site-1|'me'/)
    },
    'make a span of each check': async (page) => {
      await page.write('provider.mjs', PROVIDER)
      await page.write('hooks.mjs', HOOKS)
      const preload = await readFile(join(page.folder, 'preload.mjs'), 'utf8')
      await page.write('preload.mjs', `import './hooks.mjs'\n${preload}`)
      const server = await listenTo(page, '--import ./traces.mjs')
      await server.ask(`/notes/9?instance=${expired}`)
      await server.printed(/^SPAN authenticate wix-app true fail token_expired$/m)
    },
  },
} satisfies PageTest
