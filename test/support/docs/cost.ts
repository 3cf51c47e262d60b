import type { PageTest } from '../docs-page.ts'

// It has no blocks.
export default { claims: {} } satisfies PageTest
