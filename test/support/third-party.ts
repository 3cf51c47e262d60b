import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Need } from './programs.ts'

const folder = process.env['VECTORS_DIR'] ?? join(import.meta.dirname, '../../../shared/vectors')
const isHere = ['wycheproof', 'jsontestsuite'].every((name) => existsSync(join(folder, name)))

/** Test vectors that are not part of this repository. */
export const VECTORS: Need = {
  name: 'the third-party vectors',
  path: isHere ? folder : undefined,
  install: 'VECTORS_DIR=<a folder with wycheproof/ and jsontestsuite/, see test/README.md> npm run test:all',
}

/** @param vectors The path of {@link VECTORS}. */
export const wycheproof = (vectors: string, name: string): unknown =>
  JSON.parse(readFileSync(join(vectors, 'wycheproof', name), 'utf8'))

export interface JsonCase {
  /** Begins with the verdict: `y` for JSON, `n` for what is not, `i` where parsers may differ. */
  name: string
  bytes: Buffer
}

/** @param vectors The path of {@link VECTORS}. */
export function jsonCases(vectors: string): JsonCase[] {
  const { tests } = JSON.parse(readFileSync(join(vectors, 'jsontestsuite/parsing.json'), 'utf8')) as {
    tests: Array<{ name: string; b64?: string; repeat?: [part: string, count: number, end: string] }>
  }
  return tests.map(({ name, b64 = '', repeat }) => ({
    name,
    bytes: repeat ? Buffer.from(repeat[0].repeat(repeat[1]) + repeat[2]) : Buffer.from(b64, 'base64'),
  }))
}
