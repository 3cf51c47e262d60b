// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import { expect } from 'chai'
import type { Frame, Page } from 'playwright-core'

export const CHROMIUM_OPTIONS: string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // With a process for each site, Playwright loses a frame that is sent to another page while it changes its process.
  '--disable-site-isolation-trials',
]

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong with a page, without the frames in it, and by how much it is too wide. */
export async function faultsOf(page: Page | Frame): Promise<string[]> {
  // Not by a script element, which the policy of the pages forbids.
  await page.evaluate(axe)
  const { passes, violations } = (await page.evaluate('axe.run({ iframes: false })')) as AxeResults
  expect(passes).to.have.length.above(10)
  const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
  const faults = violations.map(({ id, nodes }) => `${id} ${nodes.map(({ html }) => html).join()}`)
  return overflow !== 0 ? [...faults, `${overflow} pixels too wide`] : faults
}

/** Does this for each width and color scheme, and leaves the page as it was. The name is for messages and screenshots. */
export async function inEachLook(
  page: Page,
  check: (look: string) => Promise<void>,
  widths: readonly number[] = [390, 1280],
): Promise<void> {
  const before = page.viewportSize()
  for (const width of widths) {
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme })
      await check(`${colorScheme}-${width}`)
    }
  }
  await page.emulateMedia({ colorScheme: null })
  if (before !== null) await page.setViewportSize(before)
}
