import type { PageTest } from '../docs-page.ts'

// It has no blocks that run. Its messages are compared with lib/ in test/troubleshooting.test.ts.
export default { claims: {} } satisfies PageTest
