/** How claims of slots are counted, and when everybody is told that one should be rotated. */

import { beforeEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { SlotWear } from '../../../plugin/lifecycle/slot-wear.ts'
import { type OptionsInput, resolveOptions } from '../../../plugin/options.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { authorNamed } from '../../contract/index.ts'
import { NOW } from '../../support/key-packages.ts'
import { testLog } from '../../support/log.ts'
import { turns } from '../../support/low-stock.ts'

const DAY = 86_400
const alice = authorNamed('alice')
const bob = authorNamed('bob')

let store: KeyPackageStore
let now: number
let told: unknown[]

beforeEach(() => {
  store = memoryStore()
  now = NOW
  told = []
  store.onRotationDue((author, slot) => told.push([author, slot]))
})

function wearOf(replenish: OptionsInput['replenish'] = { rotateAfter: 3 }, log = testLog()): SlotWear {
  const options = resolveOptions({ replenish })
  return new SlotWear({ options, store, log, now: () => now })
}

/** Claims of one slot, each from the next address. */
async function claims(wear: SlotWear, from: number, to: number, slot = 'phone'): Promise<void> {
  for (let address = from; address <= to; address++) wear.note(alice, [slot], `192.0.2.${address}`)
  await turns()
}

describe('a slot', () => {
  it('is to be rotated once as many different addresses have claimed it as `rotateAfter`', async () => {
    const wear = wearOf()
    await claims(wear, 1, 2)
    expect(told).toEqual([])
    await claims(wear, 3, 3)
    expect(told).toEqual([[alice, 'phone']])
  })

  it('is counted once for each address', async () => {
    const wear = wearOf()
    expect(wear.note(alice, ['phone'], '192.0.2.1')).toEqual(['phone'])
    for (let again = 0; again < 5; again++) expect(wear.note(alice, ['phone'], '192.0.2.1')).toEqual([])
    await claims(wear, 2, 2)
    expect(told).toEqual([])
  })

  it('is counted apart from others, and from the same KeyPackage of another author', async () => {
    const wear = wearOf()
    await claims(wear, 1, 2)
    await claims(wear, 3, 4, 'desk')
    wear.note(bob, ['phone'], '192.0.2.5')
    await turns()
    expect(told).toEqual([])
  })

  it('is told of once a day, by whichever process counts enough first', async () => {
    const wears = [wearOf(), wearOf()]
    for (const wear of wears) await claims(wear, 1, 10)
    now += DAY - 1
    for (const wear of wears) await claims(wear, 11, 12)
    expect(told).toHaveLength(1)
    now += 1
    for (const wear of wears) await claims(wear, 13, 14)
    expect(told).toHaveLength(2)
  })

  it('is not counted for a claim that was undone', async () => {
    const wear = wearOf()
    await claims(wear, 1, 2)
    wear.forget(alice, ['phone'], '192.0.2.2')
    await claims(wear, 3, 3)
    expect(told).toEqual([])
    await claims(wear, 2, 2)
    expect(told).toHaveLength(1)
  })

  it.each([{ rotateAfter: 0 }, { rotateAfter: 3, enabled: false }])(
    'is never to be rotated with %j',
    async (replenish) => {
      await claims(wearOf(replenish), 1, 30)
      expect(told).toEqual([])
    },
  )

  it('is to be rotated after 20 addresses by default', async () => {
    const wear = wearOf({})
    await claims(wear, 1, 19)
    expect(told).toEqual([])
    await claims(wear, 20, 20)
    expect(told).toHaveLength(1)
  })
})

describe('a store that fails', () => {
  it('is logged, and asked again at the claim of the next address (I7)', async () => {
    const log = testLog()
    const { hit } = store
    store.hit = () => Promise.reject(new Error('gone'))
    const wear = wearOf({ rotateAfter: 3 }, log)
    await claims(wear, 1, 3)
    expect(log.lines.map(({ message }) => message)).toEqual(['failed to tell that a slot should be rotated'])
    store.hit = hit
    await claims(wear, 4, 4)
    expect(told).toHaveLength(1)
  })
})

describe('memory (I9)', () => {
  it('is bounded: of more than 10,000 slots, the one claimed longest ago is counted anew', async () => {
    const wear = wearOf({ rotateAfter: 3 })
    await claims(wear, 1, 2, 'forgotten')
    await claims(wear, 1, 2, 'kept')
    for (let slot = 0; slot < 9_999; slot++) wear.note(alice, [`${slot}`], '192.0.2.1')
    await claims(wear, 3, 3, 'kept')
    await claims(wear, 3, 3, 'forgotten')
    expect(told).toEqual([[alice, 'kept']])
  })

  it('is bounded: 200,000 addresses are counted in all', async () => {
    const wear = wearOf({ rotateAfter: 10_000 })
    for (let slot = 0; slot < 21; slot++)
      for (let address = 1; address < 10_000; address++) wear.note(alice, [`${slot}`], `${address}`)
    wear.note(alice, ['0'], 'one more')
    wear.note(alice, ['20'], 'one more')
    await turns()
    expect(told).toEqual([[alice, '20']])
  })
})
