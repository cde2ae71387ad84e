/** An author of a round: the packages they will publish, and what they may delete. */

import { checkKeyPackage } from '../../../plugin/key-package/validate.ts'
import { deletionOf, vanishingOf } from '../../../plugin/lifecycle/deletion.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { normalRelayUrl, rankOf } from '../../../plugin/publish/home.ts'
import { isSlot } from '../../../plugin/stock/selection.ts'
import type { Deletion, StockedPackage } from '../../../plugin/store.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'
import { oneOf, type Random, someOf } from './choices.ts'
import { type NamedTerms, PUBLIC_URL } from './terms.ts'

/** Events are so old that no clock that is stepped takes one for a thing of the future. */
const AGE_SECONDS = 2 * 3600
const ONE_TIME = 10
const SLOTS = ['a'.repeat(64), 'b'.repeat(64)]
const ROTATIONS = 3

/** An event, and what the model knows of it. */
export interface Made {
  readonly event: SignedEvent
  readonly pkg: StockedPackage
}

export interface MadeDeletion {
  readonly event: SignedEvent
  readonly deletion: Deletion
}

export class Author {
  readonly name: string
  readonly person: Person
  /** In the order in which they are published first. */
  readonly packages: readonly Made[]
  readonly #terms: NamedTerms
  readonly #bornAt: number
  #published = 0

  private constructor(
    name: string,
    person: Person,
    terms: NamedTerms,
    packages: readonly Made[],
    bornAt: number,
  ) {
    this.name = name
    this.person = person
    this.packages = packages
    this.#terms = terms
    this.#bornAt = bornAt
  }

  static async make(
    name: string,
    terms: NamedTerms,
    random: Random,
    has: 'one-time' | 'slots too',
  ): Promise<Author> {
    const someone = person(name)
    const bornAt = Math.floor(Date.now() / 1000) - AGE_SECONDS
    const slots = has === 'slots too' ? SLOTS.flatMap((slot) => Array<string>(ROTATIONS).fill(slot)) : []
    const plan = [...Array<undefined>(ONE_TIME).fill(undefined), ...slots]
    const made = await Promise.all(
      plan.map(async (slot, index) => {
        const keyPackage = await makeKeyPackage(someone, { now: bornAt })
        const createdAt = bornAt + index
        const event =
          slot === undefined
            ? keyPackageEvent(someone, keyPackage, { createdAt })
            : keyPackageEvent(someone, keyPackage, { createdAt, kind: 30443, tags: { d: [slot] } })
        return { event, pkg: modelled(event, terms, bornAt) }
      }),
    )
    const [first, ...more] = made
    return new Author(
      name,
      someone,
      terms,
      [...(first ? [first] : []), ...someOf(random, more, more.length)],
      bornAt,
    )
  }

  get hasSlots(): boolean {
    return this.packages.some(({ pkg }) => isSlot(pkg))
  }

  /** One that was not published before; one that was, if all were. */
  next(random: Random): Made {
    const made = this.packages[this.#published] ?? oneOf(random, this.packages)
    this.#published += 1
    return made
  }

  /** One that was published before. */
  former(random: Random): Made {
    return oneOf(random, this.packages.slice(0, Math.max(1, this.#published)))
  }

  /** Deletes one or two events, published or not; or a slot. */
  deletion(random: Random): MadeDeletion {
    const about = [['k', '443']]
    if (this.hasSlots && random(3) === 0) {
      const until = this.#bornAt + random(this.packages.length)
      return this.#deleting(5, until, [['a', `30443:${this.person.pubkey}:${oneOf(random, SLOTS)}`]])
    }
    const ids = someOf(random, this.packages, 1 + random(2)).map(({ event }) => ['e', event.id])
    return this.#deleting(5, this.#bornAt + this.packages.length, [...ids, ...about])
  }

  /** Deletes everything that was created until some time. */
  vanishing(random: Random): MadeDeletion {
    const until = this.#bornAt + random(this.packages.length)
    return this.#deleting(62, until, [['relay', 'ALL_RELAYS']])
  }

  #deleting(kind: number, createdAt: number, tags: string[][]): MadeDeletion {
    const event = signEvent(this.person.secretKey, { kind, created_at: createdAt, tags, content: '' })
    const { kinds, stock } = this.#terms.options
    const deletion =
      kind === 5 ? deletionOf(event, kinds, stock.ttlSeconds) : vanishingOf(event, stock.ttlSeconds)
    if (deletion === undefined) throw new Error('it deletes nothing')
    return { event, deletion }
  }
}

/** What the server stores of it, without its event and tags: the claims of a round narrow by kinds alone. */
function modelled(event: SignedEvent, { options }: NamedTerms, now: number): StockedPackage {
  const { kinds, stock, validation } = options
  const rules = { kinds, stock, validation, authenticatedAs: new Set<string>() }
  const { event: _, contentForm: _form, author: _author, ...pkg } = checkKeyPackage(event, rules, now)
  const stocked = { ...pkg, tags: [] }
  return isSlot(pkg) ? stocked : { ...stocked, rank: rankOf(event, normalRelayUrl(PUBLIC_URL) ?? '') }
}
