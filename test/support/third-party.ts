import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Need } from './programs.ts'

const folder = process.env['VECTORS_DIR'] ?? join(import.meta.dirname, '../../../shared/vectors')
const isHere = ['wycheproof', 'jsontestsuite'].every((name) => existsSync(join(folder, name)))

/** Test vectors that are not part of this repository: clones of the two, or a folder with their files alone. */
export const VECTORS: Need = {
  name: 'the third-party vectors',
  path: isHere ? folder : undefined,
  install: 'bash test/support/third-party.sh',
}

/** @param vectors The path of {@link VECTORS}. */
export function wycheproof(vectors: string, name: string): unknown {
  const cloned = join(vectors, 'wycheproof/testvectors_v1', name)
  return JSON.parse(readFileSync(existsSync(cloned) ? cloned : join(vectors, 'wycheproof', name), 'utf8'))
}

export interface JsonCase {
  /** Begins with the verdict: `y` for JSON, `n` for what is none, `i` for what parsers may take either way. */
  name: string
  bytes: Buffer
}

/** @param vectors The path of {@link VECTORS}. */
export function jsonCases(vectors: string): JsonCase[] {
  const cloned = join(vectors, 'jsontestsuite/test_parsing')
  if (existsSync(cloned)) return readdirSync(cloned).map((name) => ({ name, bytes: readFileSync(join(cloned, name)) }))
  const { tests } = JSON.parse(readFileSync(join(vectors, 'jsontestsuite/parsing.json'), 'utf8')) as {
    tests: Array<{ name: string; b64?: string; repeat?: [part: string, count: number, end: string] }>
  }
  return tests.map(({ name, b64 = '', repeat }) => ({
    name,
    bytes: repeat ? Buffer.from(repeat[0].repeat(repeat[1]) + repeat[2]) : Buffer.from(b64, 'base64'),
  }))
}
