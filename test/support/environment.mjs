/**
 * Where a test file runs: in Node.js, and what it leaves is tidied up after the last of its hooks, however they went. That
 * goes for timers as well: NDK has some that it never stops, and they would keep the process of the tests from ending. Then all
 * that was logged is searched (every-log.ts).
 */

import { TestEnvironment } from 'jest-environment-node'

export default class extends TestEnvironment {
  #timers = new Set()

  async setup() {
    await super.setup()
    for (const name of ['setTimeout', 'setInterval']) {
      const apply = (start, self, settings) => {
        const timer = Reflect.apply(start, self, settings)
        this.#timers.add(timer)
        return timer
      }
      this.global[name] = new Proxy(this.global[name], { apply })
    }
  }

  async teardown() {
    await this.global.tidyUp?.()
    for (const timer of this.#timers) clearTimeout(timer)
    const found = this.global.searchLogs?.() ?? []
    await super.teardown()
    if (found.length > 0) throw new Error(found.join('\n'))
  }
}
