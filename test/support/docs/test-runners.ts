import type { PageTest } from '../docs-page.ts'

export default {
  notRun: { 'jest.js': 'test/tools/runners.test.ts runs the tests of docs/testing.md with Jest, mocha and Vitest' },
  compiledOnly: { 'supertest.test.mjs': 'supertest is not installed here' },
  ambient: `
    declare module '*/app.mjs' {
      export function createApp(settings: { secret?: string, appId?: string, publicKey?: string }): import('express').Express
    }
    declare module 'supertest' {
      interface Test extends Promise<unknown> {
        query(parameters: object): Test
        type(type: string): Test
        send(body: string): Test
        expect(status: number): Test
      }
      export default function request(app: import('express').Express): { get(path: string): Test, post(path: string): Test }
    }
  `,
  claims: {},
} satisfies PageTest
