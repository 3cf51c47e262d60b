import type { PageTest } from '../docs-page.ts'

// A table of the pages in docs/hosts/, without code of its own.
export default { claims: {} } satisfies PageTest
