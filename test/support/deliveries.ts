import { expect } from 'chai'
import express from 'express'
import { deduplicate, type DeliveryStore } from '../../lib/index.ts'
import { until } from './redis.ts'
import { serve, type Served } from './serve.ts'

/** Delivers as Wix does: again until the status is 200. Resolves to every status on the way. */
export async function deliver(url: string): Promise<number[]> {
  const statuses: number[] = []
  await until(async () => {
    const { status, body } = await fetch(url, { method: 'POST' })
    await body?.cancel()
    statuses.push(status)
    return status === 200
  })
  return statuses
}

/** An event, as the strategy leaves it behind. */
export const eventOf = (id: string) => ({
  instanceId: 'instance-1',
  eventType: 'wix.ecom.v1.order_created',
  data: { id, entityFqdn: 'wix.ecom.v1.order' },
})

export interface Receiver extends Served {
  /** The ids of the events that the route has got, in this order. */
  readonly handled: string[]
}

/** A server whose route gets the event `ID` at `POST /ID`, once. */
export async function receiver(
  store: DeliveryStore,
  route: (id: string) => unknown = () => undefined,
): Promise<Receiver> {
  const handled: string[] = []
  const app = express().set('env', 'test')
  app.post(
    '/:id',
    (req, _res, next) => {
      req.authInfo = { identity: eventOf(req.params['id']) as never }
      next()
    },
    deduplicate({ store }),
    (req, res, next) => {
      handled.push(req.params['id'])
      Promise.resolve(route(req.params['id']))
        .then(() => res.sendStatus(200))
        .catch(next)
    },
  )
  return { ...(await serve(app)), handled }
}

/** Sends one event several times while the store fails: each is a 503, and the route gets none. */
export async function refused({ url, handled }: Receiver, id: string): Promise<void> {
  const before = handled.length
  for (let tries = 0; tries < 3; tries++) {
    const response = await fetch(`${url}/${id}`, { method: 'POST' })
    expect([response.status, response.headers.get('retry-after')]).to.deep.equal([503, '1'])
    await response.body?.cancel()
  }
  expect(handled).to.have.length(before)
}
