/** Names the keys of a Redis store. All of an author's share a hash tag, so a script finds them on one node of a cluster. */

import { createHash } from 'node:crypto'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { StoreError } from '../../../plugin/store-error.ts'

/** Texts that stand in a key as they are; a hash is longer than any. */
const PLAIN = /^[ -~]{1,64}$/
const DUE_PARTS = 64

export class Keys {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** What layout.lua calls stock and known. */
  stock(author: Pubkey): [stock: string, known: string] {
    const own = this.#of(author)
    return [`${own}stock`, `${own}known`]
  }

  known(author: Pubkey): string {
    return `${this.#of(author)}known`
  }

  /** The keys of this name of all authors: the pattern that finds them, and whose one is, where it is one of them. */
  every(name: string): { readonly pattern: string; authorIn(key: string): Pubkey } {
    const prefix = this.#prefix.replace(/[\\*?[\]]/g, '\\$&')
    const start = this.#prefix.length + 1
    return {
      pattern: `${prefix}{*}:${name}`,
      authorIn: (key) => {
        const author = key.slice(start, key.indexOf('}', start)) as Pubkey
        // Not what was looked for: it would be the answer to another call.
        if (key !== `${this.#of(author)}${name}`)
          throw new StoreError('Redis: a key is not what was looked for')
        return author
      },
    }
  }

  published(author: Pubkey): string {
    return `${this.#of(author)}published`
  }

  relayList(author: Pubkey): string {
    return `${this.#of(author)}relays`
  }

  hit(key: string): string {
    return `${this.#prefix}hit:${keyPart(key)}`
  }

  /**
   * The part of the due index that has an author: a sorted set of the authors the store knows, by the time at which a
   * sweep should look at them, in seconds since the epoch. It may lag behind: it is a hint, and no claim goes by it.
   */
  due(author: Pubkey): string {
    return this.#duePart(Number.parseInt(author.slice(0, 8), 16) % DUE_PARTS)
  }

  everyDue(): string[] {
    return Array.from({ length: DUE_PARTS }, (_, part) => this.#duePart(part))
  }

  signals(): string {
    return `${this.#prefix}signals`
  }

  #of(author: Pubkey): string {
    return `${this.#prefix}{${author}}:`
  }

  #duePart(part: number): string {
    return `${this.#prefix}due:{${part}}`
  }
}

/** The text itself, or its hash where it is long or odd. */
export function keyPart(text: string): string {
  return PLAIN.test(text) ? text : `sha256-${createHash('sha256').update(text, 'utf16le').digest('hex')}`
}
