/** All stores answer random histories of relay lists, access rules and what the relay says about itself in the same way. */

import { afterAll, beforeAll, describe, it } from '@jest/globals'
import fc from 'fast-check'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { authorNamed, DAY, HOUR, NOW, relayListOf } from '../../contract/index.ts'
import { same } from '../../contract/same.ts'
import { RealStores } from '../../support/real-stores.ts'

const AUTHORS = ['alice', 'bob'].map(authorNamed)
const KINDS = [10002, 10050, 10051]

/** What a step answers; it must be the same of every store. */
type Step = (store: MovableStore, now: number) => Promise<unknown>

const author = fc.constantFrom(...AUTHORS)
const kind = fc.constantFrom(...KINDS)
const age = fc.integer({ min: -2, max: 2 }).map((hours) => hours * HOUR)

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(author, kind, age, fc.constantFrom(undefined, 'report' as const)).map(
      ([who, what, ago, report]): Step =>
        (store, now) => {
          return store.putRelayList(relayListOf(who, now - ago, 'wss://relay.example', what), now, report)
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(author, fc.subarray(KINDS, { minLength: 1 }), age).map(
      ([who, kinds, ago]): Step =>
        (store, now) =>
          store.dropRelayLists(who, kinds, now - ago),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Step>((store, now) => store.sweep(now, 600)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(author, fc.constantFrom('ban' as const, 'allow' as const), fc.option(fc.string()))
      .map(
        ([subject, list, reason]): Step =>
          (store, at) => {
            return store.putAccessRule({ list, subject, at, ...(reason !== null && { reason }) })
          },
      ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(author, fc.constantFrom('ban' as const, 'allow' as const)).map(
      ([subject, list]): Step =>
        (store) =>
          store.dropAccessRule(list, subject),
    ),
  },
)

const information = fc
  .tuple(fc.constantFrom('name' as const, 'description' as const, 'icon' as const), fc.string())
  .map(
    ([field, value]): Step =>
      (store) =>
        store.putInformation(field, value),
  )

/** A step, and how long after the one before. LMDB looks at what is due once an hour, so time passes in hours. */
const histories = fc.array(
  fc.tuple(
    fc.constantFrom(0, 0, HOUR, DAY, 7 * DAY, 91 * DAY),
    fc.oneof({ weight: 9, arbitrary: steps }, information),
  ),
  {
    maxLength: 40,
  },
)

describe('the stores', () => {
  let real: RealStores
  beforeAll(async () => {
    real = await RealStores.start()
  })
  afterAll(() => real?.stop())

  it('agree on relay lists, whom they have heard of, access rules and information, after every step', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const [first, ...others] = [memoryStore(), real.lmdb(), await real.redis()]
        if (first === undefined) return
        let now = NOW
        for (const [seconds, step] of history) {
          now += seconds
          const expected = [await step(first, now), await stateOf(first)]
          for (const store of others) same([await step(store, now), await stateOf(store)], expected)
        }
        for (const store of [first, ...others]) await store.close()
      }),
      { numRuns: 60 },
    )
  })
})

async function stateOf(store: MovableStore): Promise<unknown> {
  const lists = await store.getRelayLists(AUTHORS, KINDS)
  const rules = await store.accessRules()
  const byText = (items: readonly unknown[]) => items.map((item) => JSON.stringify(item)).sort()
  const known: unknown[] = []
  for await (const list of store.relayLists())
    known.push([list.author, list.kind, list.event?.id, list.deletedUntil])
  const sorted = rules.map(({ list, subject, reason, at }) => [list, subject, reason, at])
  return [byText(lists), byText(known), byText(sorted), await store.information(), await store.countAuthors()]
}
