/** Where a test file runs: in Node.js, and what it leaves is tidied up after the last of its hooks, however they went. */

import { TestEnvironment } from 'jest-environment-node'

export default class extends TestEnvironment {
  async teardown() {
    await this.global.tidyUp?.()
    await super.teardown()
  }
}
