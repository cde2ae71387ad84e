/** Which layout the data under a prefix has. */

import { StoreError } from '../../../plugin/store.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'

/** Incremented whenever stored data can mean what earlier versions do not know. */
const LAYOUT = '4'
/** Those that this version reads. */
const LAYOUTS: readonly (string | null)[] = ['2', '3', LAYOUT, null]

export class LayoutCheck {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  #used: Promise<void> | undefined

  constructor(connection: RedisConnection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** @throws StoreError with how to migrate, if this version cannot read the layout */
  async require(): Promise<void> {
    const { client, prefix } = this.#connection
    const old = this.#keys.everyOldDue().map((key) => client.exists(key))
    const found = await this.#connection.within(Promise.all(old))
    const layout = await this.#connection.within(client.get(this.#keys.layout()))
    if (layout === LAYOUT) this.#used = Promise.resolve()
    if (found.every((count) => count === 0) && LAYOUTS.includes(layout)) return
    throw new StoreError(
      `cannot use the data under ${prefix} in Redis: it was written by an incompatible version of keypackage-gateway. ` +
        `Run \`export\` with that version, then \`import\` with this one under another prefix (?prefix=...)`,
      { fault: 'configuration' },
    )
  }

  /**
   * Keeps earlier versions from using the data. For writes that they would misunderstand.
   * @throws StoreError
   */
  async use(): Promise<void> {
    this.#used ??= this.#write()
    try {
      await this.#used
    } catch (error) {
      this.#used = undefined
      throw error
    }
  }

  async #write(): Promise<void> {
    await this.#connection.within(this.#connection.write(['set', this.#keys.layout(), LAYOUT]))
  }
}
