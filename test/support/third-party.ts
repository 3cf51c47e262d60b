import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.env['VECTORS_DIR'] ?? join(import.meta.dirname, '../../../shared/vectors')

/** A file of the third-party test vectors, which are not part of this repository; undefined where it is absent. */
export function thirdParty(path: string): unknown {
  const file = join(folder, path)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
