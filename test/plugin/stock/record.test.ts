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
  listNames,
  listPackages,
  putPackage,
  type RecordChange,
  releasePackages,
  spendPackages,
  sweepDueAt,
  sweepPackages,
} from '../../../plugin/stock/record.ts'
import type {
  ClaimOutcome,
  KnownName,
  MovableStore,
  Removal,
  StoredKeyPackage,
} from '../../../plugin/store.ts'
import { authorNamed, claimBy, HOUR, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { storedPackages } from '../../contract/reading.ts'
import { type History, histories, type Step } from '../../support/histories.ts'

const ALICE = authorNamed('alice')

/** What each answer was, and what is left of the author. */
interface Answered {
  readonly outcome: unknown
  readonly removed: readonly Removal[]
  readonly packages: readonly StoredKeyPackage[]
  readonly names: readonly KnownName[]
  readonly count: number | undefined
}

describe('the record of an author', () => {
  it('answers every step of a history as the memory store does, read from JSON each time', async () => {
    await fc.assert(
      fc.asyncProperty(histories([ALICE]), async (history) => {
        expect(await replay(history, new RecordKeeper())).toEqual(await replay(history, new StoreKeeper()))
      }),
      { seed: 30443, numRuns: 300 },
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
        expect(sweepPackages(record, 600, due - 1).record).toEqual(record)
        expect(sweepPackages(record, 600, Math.max(due, NOW)).record).not.toEqual(record)
      }),
      { seed: 10051, numRuns: 200 },
    )
  })

  it('is gone once nothing is left to be kept', () => {
    const pkg = packageNamed('one', ALICE, { expiresAt: NOW + HOUR })
    const put = putPackage(undefined, pkg, LIMITS, NOW)
    expect(sweepPackages(put.record, 600, NOW + HOUR).record).toBeUndefined()
    expect(claimPackages(undefined, claimBy('bob', ALICE), POLICY, NOW).record).toBeUndefined()
    expect(spendPackages(undefined, [], NOW).record).toBeUndefined()
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
  readonly #delivered: string[][] = []

  async take(step: Parameters<Keeper['take']>[0], now: number): Promise<Answered> {
    const { outcome, removed } = this.#change(step, now)
    return {
      outcome,
      removed: removalsOf(ALICE, removed),
      packages: byId(listPackages(this.record, now)),
      names: byName(listNames(this.record, now)),
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
        this.#delivered.push(...outcomes.map(idsOf))
        return { outcome: outcomes, removed: changes.flatMap(({ removed }) => removed) }
      }
      case 'release':
        return this.#write(releasePackages(this.record, this.#delivered.at(-1 - step.answersAgo) ?? [], now))
      case 'drop':
        return step.which.by === 'id'
          ? this.#write(spendPackages(this.record, namesIn(step.which.ids), now))
          : this.#write(dropPackages(this.record, step.which, now))
      case 'sweep':
        return this.#write(sweepPackages(this.record, step.retireAfterSeconds, now))
    }
  }

  #write<Outcome>(change: RecordChange<Outcome>): RecordChange<Outcome> {
    this.record = change.record && JSON.parse(JSON.stringify(change.record))
    expect(this.record).toEqual(change.record)
    return change
  }
}

class StoreKeeper implements Keeper {
  readonly #store: MovableStore = memoryStore()
  readonly #removed: Removal[] = []
  readonly #delivered: string[][] = []

  constructor() {
    this.#store.onRemoved((removals) => this.#removed.push(...removals))
  }

  async take(step: Parameters<Keeper['take']>[0], now: number): Promise<Answered> {
    const outcome = await this.#take(step, now)
    return {
      outcome,
      removed: this.#removed.splice(0),
      packages: byId(await storedPackages(this.#store, ALICE, now)),
      names: byName(await this.#store.known(ALICE, now)),
      count: (await this.#store.count([ALICE], now))[0],
    }
  }

  async #take(step: Parameters<Keeper['take']>[0], now: number): Promise<unknown> {
    switch (step.do) {
      case 'put':
        return this.#store.put(step.pkg, step.limits, now)
      case 'claim': {
        const outcomes = await this.#store.claim(step.claims, step.policy, now)
        this.#delivered.push(...outcomes.map(idsOf))
        return outcomes
      }
      case 'release':
        return this.#store.release(ALICE, this.#delivered.at(-1 - step.answersAgo) ?? [], now)
      case 'drop':
        return step.which.by === 'id'
          ? this.#store.spend(ALICE, namesIn(step.which.ids), now)
          : this.#store.drop(ALICE, step.which, now)
      case 'sweep':
        return this.#store.sweep(now, step.retireAfterSeconds)
    }
  }
}

function idsOf(outcome: ClaimOutcome): string[] {
  return outcome.outcome === 'delivered' ? outcome.packages.map(({ id }) => id) : []
}

function namesIn(ids: readonly string[]): KnownName[] {
  return ids.map((id) => ({ name: id as KnownName['name'], expiresAt: NOW + HOUR }))
}

function byId(packages: readonly StoredKeyPackage[]): StoredKeyPackage[] {
  return packages.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function byName(names: readonly KnownName[]): KnownName[] {
  return names.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
