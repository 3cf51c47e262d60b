import type { PageTest } from '../docs-page.ts'

export default { testedIn: 'test/hosts/recipes.ts', claims: {} } satisfies PageTest
