/** A store over rows: it passes the contract, however often a database has it decide again. */

import { describe, it } from '@jest/globals'
import { type Decided, type Row, type Rows, type RowTables, rowStore } from '../../../plugin/stock/rows.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { describeKeyPackageStore, describeMovableStore } from '../../contract/index.ts'

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
