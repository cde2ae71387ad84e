/** I1 over 10,000 claims through sessions: REQs for several authors, of which some are never sent, lose and share nothing. */

import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import type { EventId } from '../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { LIMITS, packageNamed } from '../contract/index.ts'
import { idsIn, keyPackagesBy, startGateway, type TestGateway } from '../support/gateway.ts'
import { person } from '../support/people.ts'
import { seededRandom } from '../support/random.ts'
import { type Manner, mannersOf, Receipts } from '../support/receipts.ts'

const CLAIMS = 10_000
const LONG_MS = 300_000
const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin']
const AUTHORS = NAMES.map(person)
const ADDRESSES = 50
const AT_ONCE = 6

type Fate = 'read' | 'unsent' | 'closed'

class LongHistory {
  claims = 0
  readonly receipts = new Receipts()
  readonly times: Record<Fate | 'empty', number> = { read: 0, unsent: 0, closed: 0, empty: 0 }
  readonly test: TestGateway
  readonly #random = seededRandom(2)
  readonly #manners = new Map<EventId, Manner>()
  #made = 0

  constructor() {
    const noting = (store: KeyPackageStore): Partial<KeyPackageStore> => ({
      claim: async (claims, policy, now) => {
        this.claims += claims.length
        const outcomes = await store.claim(claims, policy, now)
        for (const outcome of outcomes) {
          if (outcome.outcome !== 'delivered') continue
          for (const [id, manner] of mannersOf(outcome)) this.#manners.set(id, manner)
        }
        return outcomes
      },
    })
    this.test = startGateway({}, noting)
    this.test.store.onRemoved((removals) => {
      for (const { id } of removals) this.receipts.removed(id)
    })
  }

  async step(): Promise<void> {
    this.test.now += this.#random(600)
    await this.#refill()
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.#ask()))
    await setImmediate()
  }

  async left(): Promise<ReadonlySet<EventId>> {
    const { store, now } = this.test
    const stock = await Promise.all(AUTHORS.map(({ pubkey }) => store.list(pubkey, now)))
    return new Set(stock.flat().map(({ id }) => id))
  }

  async #refill(): Promise<void> {
    const { store, now } = this.test
    const counts = await store.count(
      AUTHORS.map(({ pubkey }) => pubkey),
      now,
    )
    for (const [index, { pubkey }] of AUTHORS.entries()) {
      if ((counts[index] ?? 0) > 4) continue
      for (let more = 0; more < 5; more += 1) {
        this.#made += 1
        const name = `${this.#made} of ${NAMES[index]}`
        const pkg = packageNamed(name, pubkey, { createdAt: now, expiresAt: now + 10 ** 8 })
        expect(await store.put(pkg, LIMITS, now)).toBe('stored')
        this.receipts.stored(pkg.id, name)
      }
    }
  }

  /** A REQ on a new connection. */
  async #ask(): Promise<void> {
    const address = `192.0.2.${this.#random(ADDRESSES)}`
    const first = this.#random(AUTHORS.length)
    const authors = [0, 1, 2, 3]
      .slice(0, 1 + this.#random(4))
      .map((index) => (first + index) % AUTHORS.length)
    const fate = (['unsent', 'closed'] as const)[this.#random(16)] ?? 'read'
    const client = this.test.connect({ address })
    const asked = AUTHORS.filter((_, index) => authors.includes(index))
    const answering = client.say('REQ', 'sub', keyPackagesBy(...asked))
    if (fate === 'closed') {
      await undefined
      client.session.close()
    }
    const { replies, unsent } = await answering
    const ids = idsIn(replies)
    this.times[fate] += 1
    if (fate === 'unsent') return unsent?.()
    if (ids.length === 0) this.times.empty += 1
    for (const id of ids) this.receipts.delivered(id, address, this.#manners.get(id) ?? 'alone')
    if (fate === 'read') client.session.close()
  }
}

describe('over a long history of sessions', () => {
  it(
    'a package goes to one requester unless it is shared, and none is lost with answers that were not sent (I1)',
    async () => {
      const history = new LongHistory()
      while (history.claims < CLAIMS) await history.step()
      expect(history.receipts.faults(await history.left())).toEqual([])
      expect(Math.min(history.times.unsent, history.times.closed)).toBeGreaterThan(100)
      expect(history.receipts.counts.alone).toBeGreaterThan(CLAIMS / 4)
    },
    LONG_MS,
  )
})
