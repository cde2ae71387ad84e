/** Photographs a page in each look, into `test/output/page/`, and checks in each what a machine can check of accessibility. */

import { fileURLToPath } from 'node:url'
import { expect } from '@jest/globals'
import { type BrowserPage, LOOKS, type Look } from '../../support/browser-page.ts'

const FOLDER = fileURLToPath(new URL('../../output/page/', import.meta.url))

/** Of the four looks, these have both widths and both colour schemes. */
const isChecked = ({ width, scheme }: Look) => (width === 360) === (scheme === 'dark')

/** @param name of the state that the page is in */
export async function photographs(page: BrowserPage, name: string): Promise<void> {
  for (const look of LOOKS) {
    await page.look(look)
    await page.screenshot(`${FOLDER}${name}-${look.width}-${look.scheme}.png`)
    expect({ look, isTooWide: await page.isTooWide() }).toEqual({ look, isTooWide: false })
    if (isChecked(look))
      expect({ look, violations: await page.violations() }).toEqual({ look, violations: [] })
  }
}
