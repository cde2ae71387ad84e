/** All that is kept of an author in one record: it is plain data, and answers as a store that keeps the parts apart. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { removalsOf } from '../../../plugin/stock/bookkeeping.ts'
import {
  type AuthorRecord,
  claimPackages,
  countPackages,
  dropPackages,
  listPackages,
  listRemembered,
  putPackage,
  type RecordChange,
  rankPackages,
  releasePackages,
  rememberPackages,
  sweepDueAt,
  sweepPackages,
} from '../../../plugin/stock/record.ts'
import type {
  ClaimOutcome,
  CountedClaim,
  Deletion,
  MovableStore,
  Remembered,
  Removal,
  StoredKeyPackage,
} from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  deletionOf,
  HOUR,
  LIMITS,
  NO_DELETIONS,
  NOW,
  POLICY,
  packageNamed,
} from '../../contract/index.ts'
import { storedPackages } from '../../contract/reading.ts'
import { expectEqual } from '../../support/equal.ts'
import { type History, histories, type Step } from '../../support/histories.ts'

const ALICE = authorNamed('alice')

/** What each answer was, and what is left of the author. */
interface Answered {
  readonly outcome: unknown
  readonly removed: readonly Removal[]
  readonly packages: readonly StoredKeyPackage[]
  readonly remembered: Remembered
  readonly count: number | undefined
}

describe('the record of an author', () => {
  it('answers every step of a history as the memory store does, read from JSON each time', async () => {
    await fc.assert(
      fc.asyncProperty(histories([ALICE]), async (history) => {
        expectEqual(await replay(history, new RecordKeeper()), await replay(history, new StoreKeeper()))
      }),
      { seed: 30443, numRuns: 150 },
    )
  })

  it('changes by a sweep when sweepDueAt says so, and not before', async () => {
    await fc.assert(
      fc.asyncProperty(histories([ALICE]), async (history) => {
        const keeper = new RecordKeeper()
        await replay(history, keeper)
        const { record } = keeper
        if (record === undefined) return
        const due = sweepDueAt(record, 600)
        if (due === undefined) return
        expectEqual(sweepPackages(record, 600, due - 1).record, record)
        expect(sweepPackages(record, 600, Math.max(due, NOW)).record).not.toEqual(record)
      }),
      { seed: 10051, numRuns: 100 },
    )
  })

  it('is gone once nothing is left to be kept', () => {
    const pkg = packageNamed('one', ALICE, { expiresAt: NOW + HOUR })
    const put = putPackage(undefined, pkg, LIMITS, NOW)
    expect(sweepPackages(put.record, 600, NOW + HOUR).record).toBeUndefined()
    expect(claimPackages(undefined, claimBy('bob', ALICE), POLICY, NOW).record).toBeUndefined()
    expect(rememberPackages(undefined, { names: [], deletions: NO_DELETIONS }, NOW).record).toBeUndefined()
    expect(dropPackages(undefined, deletionOf({ ids: [] }), NOW).record).toBeUndefined()
  })

  it('is unheard of while only windows are left, which stay', () => {
    const pkg = packageNamed('one', ALICE, { expiresAt: NOW + HOUR })
    const policy = { ...POLICY, perAuthor: { max: 1, windowSeconds: 2 * HOUR } }
    const { record } = claimPackages(
      putPackage(undefined, pkg, LIMITS, NOW).record,
      claimBy('bob', ALICE),
      policy,
      NOW,
    )
    const swept = sweepPackages(record, 600, NOW + HOUR).record
    expect(countPackages(swept, NOW + HOUR)).toBeUndefined()
    expect(claimPackages(swept, claimBy('bob', ALICE), policy, NOW + HOUR).outcome).toEqual({
      outcome: 'none',
    })
    const again = putPackage(swept, packageNamed('two', ALICE), LIMITS, NOW + HOUR).record
    expect(claimPackages(again, claimBy('bob', ALICE), policy, NOW + HOUR).outcome.outcome).toBe('limited')
  })

  it('is not made by an operation on an author of whom nothing is known', () => {
    expect(sweepPackages(undefined, 600, NOW)).toEqual({ record: undefined, outcome: 0, removed: [] })
    expect(releasePackages(undefined, ['id'], NOW)).toEqual({
      record: undefined,
      outcome: undefined,
      removed: [],
    })
    expect(rankPackages(undefined, new Map())).toEqual({ record: undefined, outcome: undefined, removed: [] })
    expect(listPackages(undefined, NOW)).toEqual([])
    expect(listRemembered(undefined, NOW)).toEqual({ names: [], deletions: NO_DELETIONS })
  })

  it('is the same object where ranks are those it has', () => {
    const pkg = packageNamed('one', ALICE, { rank: 'a' })
    const { record } = putPackage(undefined, pkg, LIMITS, NOW)
    expect(rankPackages(record, new Map([[pkg.id, 'a']])).record).toBe(record)
    expect(rankPackages(record, new Map([[pkg.id, 'b']])).record?.packages[0]?.rank).toBe('b')
  })

  it('holds each name once, until when it is remembered the longest', () => {
    const pkg = packageNamed('one', ALICE)
    const { record } = putPackage(undefined, pkg, LIMITS, NOW)
    const longer = { name: pkg.id, expiresAt: pkg.expiresAt + 1 }
    const known = rememberPackages(record, { names: [longer], deletions: NO_DELETIONS }, NOW).record?.known
    expect(known?.filter(({ name }) => name === pkg.id)).toEqual([longer])
    expect(known).toHaveLength(record?.known.length ?? 0)
    const shorter = { name: pkg.id, expiresAt: pkg.expiresAt - 1 }
    const same = rememberPackages(record, { names: [shorter], deletions: NO_DELETIONS }, NOW).record?.known
    expect(same).toEqual(record?.known)
  })

  it('keeps what was published in the window, and forgets it once it is over', () => {
    const limits = { ...LIMITS, publish: { max: 1, windowSeconds: HOUR } }
    const pkg = packageNamed('one', ALICE, { expiresAt: NOW + 60 })
    const { record } = putPackage(undefined, pkg, limits, NOW)
    const swept = sweepPackages(record, 600, NOW + HOUR - 1).record
    expect(swept).toEqual({
      packages: [],
      deliveries: [],
      known: [],
      windows: {},
      published: record?.published,
    })
    expect(swept && sweepDueAt(swept, 600)).toBe(NOW + HOUR)
    expect(sweepPackages(swept, 600, NOW + HOUR).record).toBeUndefined()
  })

  it('is to be swept when something of it is to be forgotten, and never if there is nothing', () => {
    expect(sweepDueAt({ packages: [], deliveries: [], known: [], windows: {} }, 600)).toBeUndefined()
    const window = { window: [[NOW, 1]] as const, keptUntil: NOW + HOUR }
    const windows = { 'requester bob': window }
    const known = [{ name: 'name', expiresAt: NOW + 60 }]
    const stock = { packages: [packageNamed('one', ALICE, { expiresAt: NOW + 30 })], deliveries: [] }
    expect(sweepDueAt({ packages: [], deliveries: [], known: [], windows }, 600)).toBe(NOW + HOUR)
    expect(sweepDueAt({ packages: [], deliveries: [], known, windows }, 600)).toBe(NOW + 60)
    expect(sweepDueAt({ ...stock, known, windows }, 600)).toBe(NOW + 30)
  })

  it('keeps what strangers took until it does not count any more', () => {
    const policy = { ...POLICY, strangers: { max: 2, windowSeconds: HOUR } }
    const packages = ['one', 'two', 'three', 'four'].map((name) => packageNamed(name, ALICE))
    const full = packages.reduce<AuthorRecord | undefined>(
      (record, pkg) => putPackage(record, pkg, LIMITS, NOW).record,
      undefined,
    )
    const { record } = claimPackages(full, claimBy('bob', ALICE), policy, NOW)
    expect(record?.takes).toHaveLength(1)
    expect(sweepPackages(record, 600, NOW + HOUR - 1).record?.takes).toEqual(record?.takes)
    expect(sweepPackages(record, 600, NOW + HOUR).record).not.toHaveProperty('takes')
    expect(rankPackages(record, new Map([[packages[0]?.id ?? '', 'a']])).record?.takes).toEqual(record?.takes)
  })

  it('takes requesters that are called as what every object has', () => {
    const policy = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
    let { record } = putPackage(undefined, packageNamed('one', ALICE), LIMITS, NOW)
    for (const name of ['__proto__', 'constructor', 'toString']) {
      for (const expected of ['delivered', 'limited']) {
        const claimed = claimPackages(record, claimBy(name, ALICE, { address: name }), policy, NOW)
        expect(claimed.outcome.outcome).toBe(expected)
        record = JSON.parse(JSON.stringify(claimed.record))
      }
    }
  })
})

/** Takes the steps of a history of one author. */
interface Keeper {
  take(step: Exclude<Step, { do: 'wait' | 'hit' | 'refund' }>, now: number): Promise<Answered>
}

async function replay({ steps }: History, keeper: Keeper): Promise<Answered[]> {
  const answers: Answered[] = []
  let now = NOW
  for (const step of steps) {
    if (step.do === 'wait') now += step.seconds
    else if (step.do !== 'hit' && step.do !== 'refund') answers.push(await keeper.take(step, now))
  }
  return answers
}

class RecordKeeper implements Keeper {
  record: AuthorRecord | undefined
  readonly #delivered: Delivered[] = []

  async take(step: Parameters<Keeper['take']>[0], now: number): Promise<Answered> {
    const { outcome, removed } = this.#change(step, now)
    return {
      outcome,
      removed: removalsOf(ALICE, removed),
      packages: byId(listPackages(this.record, now)),
      remembered: inOrder(listRemembered(this.record, now)),
      count: countPackages(this.record, now),
    }
  }

  #change(step: Parameters<Keeper['take']>[0], now: number): Omit<RecordChange<unknown>, 'record'> {
    switch (step.do) {
      case 'put':
        return this.#write(putPackage(this.record, step.pkg, step.limits, now))
      case 'claim': {
        const changes = step.claims.map((claim) =>
          this.#write(claimPackages(this.record, claim, step.policy, now)),
        )
        const outcomes = changes.map(({ outcome }) => outcome)
        this.#delivered.push(...outcomes.map((outcome, index) => deliveredBy(outcome, step, index, now)))
        return { outcome: outcomes, removed: changes.flatMap(({ removed }) => removed) }
      }
      case 'release': {
        const { ids, counted } = this.#delivered.at(-1 - step.answersAgo) ?? NOTHING
        return this.#write(releasePackages(this.record, ids, now, step.givesBack ? counted : undefined))
      }
      case 'drop':
        return step.deletion.everything
          ? this.#write(rememberPackages(this.record, rememberedFrom(step.deletion), now))
          : this.#write(dropPackages(this.record, step.deletion, now))
      case 'rank':
        return this.#write(rankPackages(this.record, step.ranks))
      case 'sweep':
        return this.#write(sweepPackages(this.record, step.retireAfterSeconds, now))
    }
  }

  #write<Outcome>(change: RecordChange<Outcome>): RecordChange<Outcome> {
    this.record = change.record && JSON.parse(JSON.stringify(change.record))
    expectEqual(this.record, change.record)
    return change
  }
}

class StoreKeeper implements Keeper {
  readonly #store: MovableStore = memoryStore()
  readonly #removed: Removal[] = []
  readonly #delivered: Delivered[] = []

  constructor() {
    this.#store.onRemoved((removals) => this.#removed.push(...removals))
  }

  async take(step: Parameters<Keeper['take']>[0], now: number): Promise<Answered> {
    const outcome = await this.#take(step, now)
    return {
      outcome,
      removed: this.#removed.splice(0),
      packages: byId(await storedPackages(this.#store, ALICE, now)),
      remembered: inOrder(await this.#store.remembered(ALICE, now)),
      count: (await this.#store.count([ALICE], now))[0],
    }
  }

  async #take(step: Parameters<Keeper['take']>[0], now: number): Promise<unknown> {
    switch (step.do) {
      case 'put':
        return this.#store.put(step.pkg, step.limits, now)
      case 'claim': {
        const outcomes = await this.#store.claim(step.claims, step.policy, now)
        this.#delivered.push(...outcomes.map((outcome, index) => deliveredBy(outcome, step, index, now)))
        return outcomes
      }
      case 'release':
        return this.#release(step, now)
      case 'drop':
        return step.deletion.everything
          ? this.#store.remember(ALICE, rememberedFrom(step.deletion), now)
          : this.#store.drop(ALICE, step.deletion, now)
      case 'rank':
        return this.#store.rank(ALICE, step.ranks, now)
      case 'sweep':
        return this.#store.sweep(now, step.retireAfterSeconds)
    }
  }

  async #release(step: Extract<Step, { do: 'release' }>, now: number): Promise<void> {
    const { ids, counted } = this.#delivered.at(-1 - step.answersAgo) ?? NOTHING
    await this.#store.release(ALICE, ids, now, step.givesBack ? counted : undefined)
  }
}

interface Delivered {
  readonly ids: readonly string[]
  readonly counted?: CountedClaim
}

const NOTHING: Delivered = { ids: [] }

function deliveredBy(
  outcome: ClaimOutcome,
  { claims, policy }: Extract<Step, { do: 'claim' }>,
  index: number,
  at: number,
): Delivered {
  const { requester = '', address = '' } = claims[index] ?? {}
  const ids = outcome.outcome === 'delivered' ? outcome.packages.map(({ id }) => id) : []
  const freshTaken = outcome.outcome === 'delivered' ? outcome.freshTaken : 0
  return { ids, counted: { requester, address, policy, freshTaken, at } }
}

/** What a store remembers that has spent one package and was told of the deletion. */
function rememberedFrom({ createdUntil, keptUntil }: Deletion): Remembered {
  const spent = packageNamed(`${createdUntil}`, ALICE)
  return {
    names: [{ name: spent.id, expiresAt: NOW + HOUR }],
    deletions: { ...NO_DELETIONS, everything: [createdUntil, keptUntil] },
  }
}

function byId(packages: readonly StoredKeyPackage[]): StoredKeyPackage[] {
  return packages.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function inOrder({ names, deletions }: Remembered): Remembered {
  return { names: names.toSorted((a, b) => (a.name < b.name ? -1 : 1)), deletions }
}
