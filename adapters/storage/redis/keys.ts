/** Names the keys of a Redis store. All of an author's share a hash tag, so a script finds them on one node of a cluster. */

import { createHash } from 'node:crypto'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { StoreError } from '../../../plugin/store-error.ts'

/** Texts that stand in a key as they are; a hash is longer than any. */
const PLAIN = /^[ -~]{1,64}$/
const DUE_PARTS = 64

/** The keys of one author. */
export class AuthorKeys {
  readonly #start: string

  constructor(start: string) {
    this.#start = start
  }

  /** A hash (layout.ts). */
  get stock(): string {
    return `${this.#start}stock`
  }

  /** A sorted set: event ids and KeyPackageRefs by the time at which they expire (I3). */
  get known(): string {
    return `${this.#start}known`
  }

  /** The window of what the author published. */
  get published(): string {
    return `${this.#start}published`
  }

  /** The window of the claims of a requester. */
  requester(name: string): string {
    return `${this.#start}${keyPart(name)}:q`
  }

  /** The window of the claims from an address. */
  address(name: string): string {
    return `${this.#start}${keyPart(name)}:a`
  }
}

export class Keys {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  of(author: Pubkey): AuthorKeys {
    return new AuthorKeys(this.#of(author))
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

  /** The due index of the layout before this one. */
  everyOldDue(): string[] {
    return Array.from({ length: DUE_PARTS }, (_, part) => `${this.#prefix}due:{${part}}`)
  }

  /** Says which layout the keys have. */
  layout(): string {
    return `${this.#prefix}layout`
  }

  signals(): string {
    return `${this.#prefix}signals`
  }

  #of(author: Pubkey): string {
    return `${this.#prefix}{${author}}:`
  }

  #duePart(part: number): string {
    return `${this.#prefix}sweep:{${part}}`
  }
}

/** The text itself, or its hash where it is long or odd. */
export function keyPart(text: string): string {
  return PLAIN.test(text) ? text : `sha256-${createHash('sha256').update(text, 'utf16le').digest('hex')}`
}
