/** One of several processes of an app on one PostgreSQL: each event adds a row to `effects`, by one of the two ways of docs/webhooks-once.md. */
import express from 'express'
import pg from 'pg'
import { deduplicate, eventKey, postgresStore } from '../../lib/index.ts'
import { eventOf } from './deliveries.ts'
import { serve } from './serve.ts'

const [url = '', way = ''] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url, max: 20 })
pool.on('error', () => {})
const app = express().set('env', 'test')

/** Long enough for a kill to come in between. */
const work = () => new Promise((resolve) => setTimeout(resolve, 5))

async function handle(id: string): Promise<void> {
  await work()
  await pool.query('INSERT INTO effects (event) VALUES ($1)', [id])
}

async function handleInTransaction(id: string): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const key = eventKey(eventOf(id))
    const { rowCount } = await client.query('INSERT INTO wix_events (key) VALUES ($1) ON CONFLICT DO NOTHING', [key])
    if (rowCount === 1) {
      await work()
      await client.query('INSERT INTO effects (event) VALUES ($1)', [id])
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

app.post(
  '/store/:id',
  (req, _res, next) => {
    req.authInfo = { identity: eventOf(req.params['id']) as never }
    next()
  },
  deduplicate({ store: postgresStore(pool), lease: 1 }),
  (req, res, next) => {
    handle(req.params['id'])
      .then(() => res.sendStatus(200))
      .catch(next)
  },
)
app.post('/transaction/:id', (req, res, next) => {
  handleInTransaction(req.params['id'])
    .then(() => res.sendStatus(200))
    .catch(next)
})

const served = await serve(app)
process.send?.(`${served.url}/${way}`)
process.once('disconnect', () => process.exit())
