// npm run bench: one after the other, each in processes of its own, so that none is in the way of another.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

console.log(`Node ${process.versions.node}`)
for (const name of ['instance', 'jwt', 'access-token', 'session', 'express', 'load', 'cold-start'])
  execFileSync(process.execPath, [join(import.meta.dirname, `${name}.js`)], { stdio: 'inherit' })
