import { types } from 'node:util'
import { isError, isPromise } from './promises.ts'

/** Whether it is the answer of a driver, a service or an HTTP client, also one that has found nobody; each name alone may be one of a user. */
const isAnswer = (value: object): boolean =>
  // pg, libsql, PlanetScale; Sequelize, Cassandra, Oracle, CouchDB, ClickHouse
  ('rows' in value &&
    Array.isArray(value.rows) &&
    ['rowCount', 'rowsAffected', 'count', 'rowLength', 'metaData', 'total_rows', 'meta'].some(
      (name) => name in value,
    )) ||
  // SQL Server; Neo4j, Salesforce; D1; the data collections of Wix
  ('recordset' in value && 'rowsAffected' in value) ||
  ('records' in value && ('summary' in value || 'totalSize' in value)) ||
  ('results' in value && ('success' in value || 'meta' in value)) ||
  ('items' in value && 'hasNext' in value) ||
  // What a statement has changed: MySQL, SQLite, TypeORM, Kysely, MongoDB
  'affectedRows' in value ||
  'lastInsertRowid' in value ||
  ('affected' in value && 'raw' in value) ||
  'numUpdatedRows' in value ||
  ('lastErrorObject' in value && 'value' in value) ||
  ('acknowledged' in value && ('matchedCount' in value || 'deletedCount' in value)) ||
  // Firestore and Firebase, on servers and in browsers
  ('readTime' in value && ('exists' in value || 'docs' in value)) ||
  ('ref' in value && 'exists' in value) ||
  ('docChanges' in value && 'docs' in value) ||
  // AWS, of today and version 2
  '$metadata' in value ||
  '$response' in value ||
  // Elasticsearch
  '_shards' in value ||
  ('_index' in value && 'found' in value) ||
  // Supabase, and what answers with an error in place of a throw
  ('error' in value && ['statusText', 'data', 'success', 'ok'].some((name) => name in value)) ||
  // fetch, axios; undici
  ('headers' in value && ('statusText' in value || 'statusCode' in value))

/** Whether it has yet to find anybody: a connection of sqlite3 or its statement, a query of mysql, a builder of TypeORM. */
const isUnfinished = (value: object): boolean =>
  ('all' in value && 'run' in value) ||
  ('sql' in value && 'values' in value) ||
  ('getOne' in value && 'getMany' in value)

/** What is never a user, though it is truthy: also the rows of a query that found nobody. Undefined for anything else. */
export function notAUser(value: unknown): string | undefined {
  if (Array.isArray(value)) return 'an array: take its first row, which is undefined where there is none'
  if (typeof value === 'function') return 'a function: call it'
  if (typeof value === 'string')
    return /^(undefined|null|NaN|false|\[object \w+\])$/.test(value)
      ? 'a string that JavaScript makes of a missing value'
      : undefined
  if (isPromise(value)) return 'a promise: await it, and then call done(null, user)'
  if (isError(value)) return 'an Error: throw it, or call done(error)'
  if (types.isGeneratorObject(value)) return 'a generator, which nobody runs: make it an async function'
  if (typeof value !== 'object' || value === null) return undefined
  if (Symbol.asyncIterator in value || (Symbol.iterator in value && 'next' in value))
    return 'a cursor or a stream: read the first one out of it'
  if ('subscribe' in value && 'pipe' in value) return 'an observable: await firstValueFrom() of it'
  if (isUnfinished(value))
    return 'a query that is not done: run it, and await its row, or declare `done` for its callback'
  return isAnswer(value)
    ? 'the whole answer of a query or a service: take the user out of it, which is undefined where there is none'
    : undefined
}
