/** The survey of the stock: how many authors have how many fresh packages, on every store. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { surveyStock } from '../../../plugin/lifecycle/stock-survey.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { LIMITS, POLICY, packageNamed } from '../../contract/packages.ts'
import { everyStore } from '../../support/every-store.ts'
import { NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const [alice, bob, carol, dave, erin] = ['alice', 'bob', 'carol', 'dave', 'erin'].map(
  (name) => person(name).pubkey,
) as [Pubkey, Pubkey, Pubkey, Pubkey, Pubkey]

async function put(store: KeyPackageStore, author: Pubkey, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const isSlot = name.startsWith('slot')
    const pkg = packageNamed(name, author, isSlot ? { slot: name, kind: 30443 } : {})
    expect(await store.put(pkg, LIMITS, NOW)).toBe('stored')
  }
}

/** Alice has five, Bob two, Carol the shared one, Dave none left, Erin a slot. */
async function fill(store: KeyPackageStore): Promise<void> {
  await put(store, alice, 'a1', 'a2', 'a3', 'a4', 'a5')
  await put(store, bob, 'b1', 'b2')
  await put(store, carol, 'c1')
  await put(store, dave, 'd1')
  await put(store, erin, 'slot1')
  const claim = { requester: 'r', address: 'r', maximum: 1, narrowings: [{ kinds: [443] }] }
  await store.claim([{ ...claim, author: carol }], POLICY, NOW)
  await store.drop(dave, { everything: true, createdUntil: NOW, keptUntil: NOW + 600 }, NOW)
}

describe.each(everyStore())('a survey of %s', (_name, open) => {
  it('counts authors by their fresh packages, and names those with fewest', async () => {
    const store = await open()
    await fill(store)
    const gateway = new KeyPackageGateway({ store, clock: () => NOW * 1000, stock: { low: 5, keep: 0 } })
    const { byFresh, ...survey } = await gateway.surveyStock({ lowest: 3 })
    expect(survey).toEqual({
      at: NOW,
      authors: 4,
      packages: 9,
      slotsOnly: 1,
      low: 2,
      out: 1,
      lowest: [
        { pubkey: carol, fresh: 0, packages: 1 },
        { pubkey: bob, fresh: 2, packages: 2 },
        { pubkey: dave, fresh: 0, packages: 0 },
      ],
    })
    expect([...byFresh].sort()).toEqual([
      [0, 1],
      [2, 1],
      [5, 1],
    ])
    gateway.close()
    await store.close()
  })

  it('spends nothing', async () => {
    const store = await open()
    await fill(store)
    const before = await store.stats()
    await surveyStock({ store, low: 5, now: () => NOW }, {})
    expect(await store.stats()).toEqual(before)
    await store.close()
  })
})

describe('a survey of very many authors', () => {
  const MANY = 20_000
  const store: Pick<KeyPackageStore, 'authors' | 'list'> = {
    async *authors() {
      for (let index = 0; index < MANY; index++) yield index.toString(16).padStart(64, '0')
    },
    list: async (author) => {
      return [{ ...packageNamed(author, author), read: async () => undefined }]
    },
  }

  it('lets other work pass between its steps, and waits for a pause (I9)', async () => {
    let turns = 0
    let isOver = false
    const count = () => {
      turns += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    let pauses = 0
    await surveyStock({ store, low: 5, now: () => NOW }, {})
    isOver = true
    expect(turns).toBeGreaterThan(MANY / 50)
    const pause = async () => {
      pauses += 1
    }
    await surveyStock({ store, low: 5, now: () => NOW }, { pause })
    expect(pauses).toBeGreaterThan(MANY / 50)
  })

  it('names the lowest without keeping all', async () => {
    const { lowest, low } = await surveyStock({ store, low: 5, now: () => NOW }, { lowest: 100 })
    expect(low).toBe(MANY)
    expect(lowest).toHaveLength(100)
    expect(lowest[0]?.pubkey).toBe('0'.repeat(64))
    expect(lowest[99]?.pubkey).toBe((99).toString(16).padStart(64, '0'))
  })

  it('can be ended', async () => {
    const ending = new AbortController()
    const survey = surveyStock({ store, low: 5, now: () => NOW }, { signal: ending.signal })
    ending.abort(new Error('stopping'))
    await expect(survey).rejects.toThrow('stopping')
  })

  it('rejects when the store does', async () => {
    const failed = memoryStore()
    await failed.close()
    await expect(surveyStock({ store: failed, low: 5, now: () => NOW }, {})).rejects.toThrow()
  })
})
