/** A store over rows: it passes the contract, however often a database has it decide again. */

import { describe, expect, it } from '@jest/globals'
import { type Decided, type Row, type Rows, type RowTables, rowStore } from '../../../plugin/stock/rows.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  describeKeyPackageStore,
  describeMovableStore,
  HOUR,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
} from '../../contract/index.ts'
import { allOf } from '../../contract/reading.ts'

/** Rows in a map as JSON. Each change finds that another came first, and is decided twice. */
class MapRows implements Rows {
  readonly durable = false
  readonly #rows = new Map<string, string>()

  async read<Table extends keyof RowTables>(table: Table, keys: readonly string[]): Promise<Row<Table>[]> {
    return keys.map((key) => this.#get(table, key))
  }

  async update<Table extends keyof RowTables, Result>(
    table: Table,
    keys: readonly string[],
    decide: (before: Row<Table>[]) => Decided<Table, Result>,
  ): Promise<Result> {
    const read = () => keys.map((key) => this.#get(table, key))
    decide(read())
    const { after, result } = decide(read())
    for (const [index, key] of keys.entries()) {
      if (after[index] === undefined) this.#rows.delete(nameOf(table, key))
      else this.#rows.set(nameOf(table, key), JSON.stringify(after[index]))
    }
    return result
  }

  keys(table: keyof RowTables): string[] {
    const names = [...this.#rows.keys()].map((name): [string, string] => JSON.parse(name))
    return names.filter(([of]) => of === table).map(([, key]) => key)
  }

  async close(): Promise<void> {
    this.#rows.clear()
  }

  #get<Table extends keyof RowTables>(table: Table, key: string): Row<Table> {
    const json = this.#rows.get(nameOf(table, key))
    return json === undefined ? undefined : JSON.parse(json)
  }
}

function nameOf(table: keyof RowTables, key: string): string {
  return JSON.stringify([table, key])
}

const open = async (): Promise<MovableStore> => rowStore(new MapRows())
describeKeyPackageStore('a store over rows', open, { describe, it })
describeMovableStore('a store over rows', open, { describe, it })

describe('a store over rows', () => {
  const alice = authorNamed('alice')

  it('deletes windows once they are over, and keeps the others', async () => {
    const rows = new MapRows()
    const store = rowStore(rows)
    await store.hit('short', 1, { max: 1, windowSeconds: 60 }, NOW)
    await store.hit('long', 1, { max: 1, windowSeconds: 61 }, NOW)
    await store.sweep(NOW + 59, 600)
    expect(rows.keys('windows')).toEqual(['short', 'long'])
    await store.sweep(NOW + 60, 600)
    expect(rows.keys('windows')).toEqual(['long'])
  })

  it('lists no author of whom it keeps nothing but windows', async () => {
    const rows = new MapRows()
    const store = rowStore(rows)
    await store.put(packageNamed('one', alice, { expiresAt: NOW + 60 }), LIMITS, NOW)
    const policy = { ...POLICY, perAuthor: { max: 1, windowSeconds: 2 * HOUR } }
    await store.claim([claimBy('bob', alice)], policy, NOW)
    expect(await allOf(store.authors())).toEqual([alice])
    await store.sweep(NOW + HOUR, 600)
    expect(rows.keys('authors')).toEqual([alice])
    expect(await allOf(store.authors())).toEqual([])
  })

  it('does without a row that another process deletes once it is listed', async () => {
    class DeletedMeanwhile extends MapRows {
      override keys(table: keyof RowTables): string[] {
        return [...super.keys(table), 'deleted']
      }
    }
    const store = rowStore(new DeletedMeanwhile())
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    const rule = { list: 'ban', subject: alice, at: NOW } as const
    await store.putAccessRule(rule)
    expect(await store.stats()).toEqual({ authors: 1, packages: 1 })
    expect(await store.accessRules()).toEqual([rule])
    expect(await store.sweep(NOW, 600)).toBe(0)
    expect(await allOf(store.authors())).toEqual([alice])
    expect(await allOf(store.relayLists())).toEqual([])
  })

  it('has no event of a listed package whose author it has forgotten since', async () => {
    const rows = new MapRows()
    const store = rowStore(rows)
    await store.put(packageNamed('one', alice, { expiresAt: NOW + 60 }), LIMITS, NOW)
    const [listed] = await store.list(alice, NOW)
    await store.sweep(NOW + HOUR, 600)
    expect(rows.keys('authors')).toEqual([])
    expect(await listed?.read()).toBeUndefined()
  })
})
