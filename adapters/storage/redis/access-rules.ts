/** The access rules of a Redis store: one hash, by list and subject. */

import { type AccessList, type AccessRule, StoreError } from '../../../plugin/store.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import type { Scripts } from './scripts.ts'

export class AccessRules {
  readonly #connection: RedisConnection
  readonly #key: string
  readonly #scripts: Scripts

  constructor(connection: RedisConnection, keys: Keys, scripts: Scripts) {
    this.#connection = connection
    this.#key = keys.accessRules()
    this.#scripts = scripts
  }

  /** @throws StoreError */
  async put(rule: AccessRule): Promise<void> {
    await this.#write('hset', fieldOf(rule.list, rule.subject), JSON.stringify(rule))
  }

  /** @throws StoreError */
  async drop(list: AccessList, subject: string): Promise<'removed' | 'missing'> {
    const removed = await this.#write('hdel', fieldOf(list, subject))
    return removed === 0 ? 'missing' : 'removed'
  }

  /** @throws StoreError */
  async all(): Promise<AccessRule[]> {
    const answer = await this.#scripts.ask('hvals', this.#key)
    return (answer as string[]).map(decodeRule)
  }

  #write(command: string, ...words: readonly string[]): Promise<unknown> {
    return this.#connection.within(this.#connection.write([command, this.#key, ...words]))
  }
}

function fieldOf(list: AccessList, subject: string): string {
  return `${list} ${subject}`
}

/** Fails closed: a rule that cannot be read may be a ban (I7). */
function decodeRule(text: string): AccessRule {
  try {
    return JSON.parse(text) as AccessRule
  } catch (cause) {
    throw new StoreError('Redis: an access rule cannot be decoded', { cause })
  }
}
