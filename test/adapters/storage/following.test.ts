/** Every store follows the memory store about follow lists, while packages come, are claimed, expire and are deleted. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { FollowList, FollowListDeletion } from '../../../plugin/lifecycle/follow-list.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  DAY,
  deletionOf,
  HOUR,
  hex,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
} from '../../contract/index.ts'
import { runsOf } from '../../support/histories.ts'
import { RealStores } from '../../support/real-stores.ts'

const STEPS = 60
const LONG_MS = 3_600_000
const AUTHORS = ['alice', 'bob'].map(authorNamed)
const PEOPLE = ['xavier', 'yvonne', 'zoe'].map(authorNamed)

type Step =
  | { readonly do: 'put'; readonly author: Pubkey; readonly number: number }
  | { readonly do: 'claim' | 'vanish'; readonly author: Pubkey }
  | { readonly do: 'drop'; readonly author: Pubkey; readonly createdUntil: number }
  | { readonly do: 'follow'; readonly list: FollowList }
  | { readonly do: 'unfollow'; readonly author: Pubkey; readonly deletion: FollowListDeletion }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'sweep' }

const author = fc.constantFrom(...AUTHORS)
const createdAt = fc.integer({ min: NOW - 3, max: NOW })
const lists = fc
  .record({ author, kind: fc.constantFrom(3, 30000), createdAt, pubkeys: fc.subarray(PEOPLE) })
  .map((list): FollowList => ({ ...list, id: hex(JSON.stringify(list)) }))
const deletions = fc.record({
  kinds: fc.subarray([3, 30000]),
  ids: fc.array(
    lists.map(({ id }) => id),
    { maxLength: 2 },
  ),
  createdUntil: createdAt,
})

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), author, number: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('claim' as const, 'vanish' as const), author }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), author, createdUntil: createdAt }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('follow' as const), list: lists }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unfollow' as const), author, deletion: deletions }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(1, HOUR, DAY).map((seconds) => ({ do: 'wait' as const, seconds })),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'sweep' as const }) },
)

let real: RealStores
beforeAll(async () => {
  real = await RealStores.start()
})
afterAll(() => real?.stop())

type Open = () => Promise<readonly [KeyPackageStore, ...KeyPackageStore[]]>

const OTHERS: readonly (readonly [name: string, numRuns: number, open: Open])[] = [
  ['the LMDB store', 40, async () => [real.lmdb()]],
  ['the Redis store', 40, async () => [await real.redis()]],
  ['two Redis stores that take turns', 30, () => real.redisTwice()],
]

describe.each(OTHERS)('%s beside the memory store', (_name, numRuns, open) => {
  it(
    'says alike whom authors follow after every step',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { maxLength: STEPS, size: 'max' }), async (history) => {
          const expected = await play([memoryStore()], history)
          expect(await play(await open(), history)).toEqual(expected)
        }),
        { seed: 30000, numRuns: runsOf(numRuns, STEPS) },
      )
    },
    LONG_MS,
  )
})

/** What the stores answer, in turns, and then say of everybody. */
async function play(
  stores: readonly [KeyPackageStore, ...KeyPackageStore[]],
  history: readonly Step[],
): Promise<unknown[]> {
  let now = NOW
  const answers: unknown[] = []
  for (const [index, step] of history.entries()) {
    if (step.do === 'wait') now += step.seconds
    const store = stores[index % stores.length] ?? stores[0]
    answers.push([step.do, await take(store, step, now)])
    for (const author of AUTHORS)
      answers.push(await Promise.all(PEOPLE.map((pubkey) => store.follows(author, [pubkey]))))
  }
  for (const store of stores) await store.close()
  return answers
}

async function take(store: KeyPackageStore, step: Step, now: number): Promise<unknown> {
  switch (step.do) {
    case 'put': {
      const expiresAt = NOW + (step.number % 2 === 0 ? HOUR : 30 * DAY)
      const pkg = packageNamed(`${step.author} ${step.number}`, step.author, { expiresAt, createdAt: NOW })
      return store.put(pkg, LIMITS, now)
    }
    case 'claim': {
      const [outcome] = await store.claim([claimBy(`at ${now}`, step.author)], POLICY, now)
      return outcome?.outcome
    }
    case 'drop': {
      const { author, createdUntil } = step
      return store.drop(author, deletionOf({ everything: true, createdUntil, keptUntil: 0 }), now)
    }
    case 'vanish': {
      await store.drop(step.author, deletionOf({ everything: true, createdUntil: NOW - 2 }), now)
      return store.dropFollowLists(step.author, { kinds: [3, 30000], ids: [], createdUntil: NOW - 2 })
    }
    case 'follow':
      return store.putFollowList(step.list)
    case 'unfollow':
      return store.dropFollowLists(step.author, step.deletion)
    case 'sweep':
      return store.sweep(now, POLICY.retireAfterSeconds)
    case 'wait':
      return undefined
  }
}
