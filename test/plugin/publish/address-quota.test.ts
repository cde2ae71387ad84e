/** The quotas of an address for what it publishes: by the /64 of an IPv6 address, and by its /48 ten times as high (DESIGN section 6). */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { addressKey } from '../../../plugin/nostr/requester.ts'
import { hitByAddress, refundByAddress } from '../../../plugin/publish/address-quota.ts'
import { HOUR, NOW } from '../../contract/index.ts'
import { testLog } from '../../support/log.ts'

const counted = {
  name: 'things',
  what: 'things',
  loss: 'one stays counted',
  quota: { max: 1, windowSeconds: HOUR },
}

describe('what an address publishes', () => {
  it('is limited for the address and for its network, and what was refused counts for neither', async () => {
    const store = memoryStore()
    const hit = async (address: string) => {
      try {
        await hitByAddress({ store, log: testLog() }, counted, addressKey(address), NOW)
        return 'counted'
      } catch (error) {
        return (error as Error).message
      }
    }
    for (let subnet = 0; subnet < 10; subnet++) {
      expect(await hit(`2001:db8:0:${subnet}::1`)).toBe('counted')
      expect(await hit(`2001:db8:0:${subnet}::2`)).toBe(
        'rate-limited: 1 things per 3600 s from one address; try again in 3600 s',
      )
    }
    expect(await hit('2001:db8:0:10::1')).toBe(
      'rate-limited: 10 things per 3600 s from one network; try again in 3600 s',
    )
    expect(await hit('192.0.2.1')).toBe('counted')

    await refundByAddress({ store, log: testLog() }, counted, addressKey('2001:db8:0:0::1'), NOW)
    expect(await hit('2001:db8:0:10::1')).toBe('counted')
    await store.close()
  })
})
