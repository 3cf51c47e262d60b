import { accessTokenDoor } from './access-token.ts'
import { digestDoor } from './digest.ts'
import type { Door } from './door.ts'
import { fetchDoor } from './fetch.ts'
import { inspectDoor } from './inspect.ts'
import { instanceDoor } from './instance.ts'
import { keySetDoor } from './key-set.ts'
import { servicePluginDoor } from './service-plugin.ts'
import { sessionDoor } from './session.ts'
import { simulatorDoor } from './simulator.ts'
import { webhookDoor } from './webhook.ts'

/** All of them, by the name of the option `--door`. */
export const DOORS = {
  instance: instanceDoor,
  webhook: webhookDoor,
  'service-plugin': servicePluginDoor,
  digest: digestDoor,
  'access-token': accessTokenDoor,
  session: sessionDoor,
  'key-set': keySetDoor,
  fetch: fetchDoor,
  simulator: simulatorDoor,
  inspect: inspectDoor,
} as const satisfies Readonly<Record<string, Door>>
