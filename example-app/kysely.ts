import { createRequire } from 'node:module'

// As CommonJS: of its 280 ES modules, tsx reads each by itself, and the app would start a third of a second later.
const kysely = createRequire(import.meta.url)('kysely') as typeof import('kysely')

export const {
  CompiledQuery,
  Kysely,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} = kysely
