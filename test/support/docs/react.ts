import type { PageTest } from '../docs-page.ts'

export default { testedIn: 'test/hosts/react.test.ts', claims: {} } satisfies PageTest
