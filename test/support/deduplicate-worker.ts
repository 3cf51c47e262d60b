/** One of several processes of an app: notes in Redis which deliveries it has begun and which it has handled. */
import express from 'express'
import { deduplicate } from '../../lib/middleware/deduplicate.ts'
import { redisStore } from '../../lib/middleware/stores.ts'
import { connect } from './redis.ts'
import { serve } from './serve.ts'

const [name = '', url = '', lease = ''] = process.argv.slice(2)
const client = await connect(url)
const app = express()
app.post(
  '/:how/:id',
  (req, _res, next) => {
    const data = { id: req.params['id'], entityFqdn: 'wix.ecom.v1.order' }
    req.authInfo = { identity: { instanceId: 'instance-1', eventType: 'order_created', data } as never }
    next()
  },
  deduplicate({ store: redisStore(client), lease: Number(lease) }),
  (req, res, next) => {
    const { how, id } = req.params
    client
      .rPush(`begun:${id}`, name)
      // Never answers: the test ends this process here.
      .then(() => (how === 'hang' ? undefined : client.rPush(`handled:${id}`, name).then(() => res.json({ id }))))
      .catch(next)
  },
)
const served = await serve(app)
process.send?.(served.url)
process.once('disconnect', () => process.exit())
