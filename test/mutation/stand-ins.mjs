/** What the tests import, under Mocha: the functions of `@jest/globals`, and the memory store for every store. */

import fc from 'fast-check'
import { bind } from 'jest-each'
import { memoryStore } from '../../adapters/storage/memory.ts'

export { expect } from 'expect'

// That a property fails is all that a mutant needs: the smallest example takes long to find.
fc.configureGlobal({ endOnFailure: true })

export const beforeAll = (hook) => globalThis.before(hook)
export const afterAll = (hook) => globalThis.after(hook)
export const beforeEach = (hook) => globalThis.beforeEach(hook)
export const afterEach = (hook) => globalThis.afterEach(hook)

export const describe = (name, body) => globalThis.describe(name, body)
describe.each = bind(describe, false)

/** Without the time limits of single tests: Stryker has its own. */
export const it = (name, test) => globalThis.it(name, test)
it.each = bind(it)
/** Of packages that are not in this repository. */
it.skip = () => {}

/** The other stores run the same rules, and take longer. */
export const everyStore = () => [['memory', memoryStore]]
