/** The memory store: the contract, and that it is not durable. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { describeKeyPackageStore } from '../../contract/index.ts'

describeKeyPackageStore('the memory store', async () => memoryStore(), { describe, it })

describe('the memory store', () => {
  it('says that it is not durable (I6)', () => {
    expect(memoryStore().durable).toBe(false)
  })
})
