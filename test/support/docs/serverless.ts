import type { PageTest } from '../docs-page.ts'

export default { testedIn: 'test/hosts/hosts.test.ts', claims: {} } satisfies PageTest
