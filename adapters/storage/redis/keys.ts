/** Names the keys of a Redis store. The keys of an author share a hash tag, so they are on one node of a cluster. */

import { createHash } from 'node:crypto'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { StoreError } from '../../../plugin/store.ts'

/** Texts that are used in a key unchanged; a hash is always longer. */
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

  /** A sorted set: event ids and KeyPackageRefs by expiry time (I3). */
  get known(): string {
    return `${this.#start}known`
  }

  /** The window of the author's publishing. */
  get published(): string {
    return `${this.#start}published`
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

  /** The keys with this name of all authors: a SCAN pattern, and how to get the author from a key. */
  every(name: string): { readonly pattern: string; authorIn(key: string): Pubkey } {
    const prefix = this.#prefix.replace(/[\\*?[\]]/g, '\\$&')
    const start = this.#prefix.length + 1
    return {
      pattern: `${prefix}{*}:${name}`,
      authorIn: (key) => {
        const author = key.slice(start, key.indexOf('}', start)) as Pubkey
        // Does not match the pattern, so it is the reply to a different call.
        if (key !== `${this.#of(author)}${name}`)
          throw new StoreError('Redis: a scan returned an unexpected key')
        return author
      },
    }
  }

  /** A hash (relay-lists.ts). */
  relayLists(author: Pubkey): string {
    return `${this.#of(author)}relays`
  }

  hit(key: string): string {
    return `${this.#prefix}hit:${keyPart(key)}`
  }

  /**
   * The part of the due index that contains an author: a sorted set of known authors by the time of their next sweep, in
   * seconds since the epoch. It is a hint that may be out of date; claims do not depend on it.
   */
  due(author: Pubkey): string {
    return this.#duePart(partOf(author))
  }

  /** The same of authors of whose relay lists something is known. */
  listsDue(author: Pubkey): string {
    return this.#listsDuePart(partOf(author))
  }

  everyListsDue(): string[] {
    return Array.from({ length: DUE_PARTS }, (_, part) => this.#listsDuePart(part))
  }

  /** Exists once all relay lists are in that index; earlier versions had none. */
  listsIndexed(): string {
    return `${this.#prefix}lists-indexed`
  }

  everyDue(): string[] {
    return Array.from({ length: DUE_PARTS }, (_, part) => this.#duePart(part))
  }

  /** The due index of the previous layout. */
  everyOldDue(): string[] {
    return Array.from({ length: DUE_PARTS }, (_, part) => `${this.#prefix}due:{${part}}`)
  }

  /** The version of the layout. */
  layout(): string {
    return `${this.#prefix}layout`
  }

  /** A hash (access-rules.ts). */
  accessRules(): string {
    return `${this.#prefix}access`
  }

  /** A hash: what operators have changed of what the relay says about itself. */
  information(): string {
    return `${this.#prefix}information`
  }

  /** The store's URL. */
  url(): string {
    return `${this.#prefix}url`
  }

  signals(): string {
    return `${this.#prefix}signals`
  }

  #of(author: Pubkey): string {
    return `${this.#prefix}{${author}}:`
  }

  #listsDuePart(part: number): string {
    return `${this.#prefix}lists:{${part}}`
  }

  #duePart(part: number): string {
    return `${this.#prefix}sweep:{${part}}`
  }
}

function partOf(author: Pubkey): number {
  return Number.parseInt(author.slice(0, 8), 16) % DUE_PARTS
}

/** The text itself, or its hash if it is long or has other characters than printable ASCII. */
export function keyPart(text: string): string {
  return PLAIN.test(text) ? text : `sha256-${createHash('sha256').update(text, 'utf16le').digest('hex')}`
}
