/** I1, I2, I3 and I5 through sessions: many clients at once, over random histories of claims, closings and lost sockets. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { Claim, KeyPackageStore } from '../../plugin/store.ts'
import { idsIn, keyPackagesOf, startGateway, type TestClient, type TestGateway } from '../support/gateway.ts'
import { person } from '../support/people.ts'

const AUTHORS = ['alice', 'bob', 'carol'].map(person)
const QUOTA = { max: 3, windowSeconds: 600 }
const ADDRESSES = 4

type Step =
  | { readonly does: 'publish'; readonly author: number; readonly index: number }
  | { readonly does: 'ask'; readonly address: number; readonly authors: number[]; readonly closes: boolean }
  | { readonly does: 'lose'; readonly address: number; readonly author: number }

const author = fc.integer({ min: 0, max: AUTHORS.length - 1 })
const address = fc.integer({ min: 0, max: ADDRESSES - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ does: fc.constant('publish' as const), author, index: fc.integer({ min: 0, max: 5 }) }),
  fc.record({
    does: fc.constant('ask' as const),
    address,
    authors: fc.array(author, { minLength: 1, maxLength: 3 }),
    closes: fc.boolean(),
  }),
  fc.record({ does: fc.constant('lose' as const), address, author }),
)
/** What happens at once, and how much later. */
const history = fc.array(fc.tuple(fc.array(step, { maxLength: 8 }), fc.integer({ min: 0, max: 300 })), {
  maxLength: 12,
})

/** A gateway that notes every claim which counted, and how often each package was its author's last. */
class World {
  readonly claims: { readonly claim: Claim; readonly at: number }[] = []
  readonly timesLast = new Map<string, number>()
  readonly timesSent = new Map<string, number>()
  readonly clients: TestClient[] = []
  readonly test: TestGateway

  constructor() {
    const noting = (store: KeyPackageStore): Partial<KeyPackageStore> => ({
      claim: async (claims, policy, now) => {
        const outcomes = await store.claim(claims, policy, now)
        for (const [index, outcome] of outcomes.entries()) {
          const claim = claims[index]
          if (claim !== undefined && outcome.outcome === 'delivered') this.claims.push({ claim, at: now })
          if (outcome.outcome !== 'delivered' || !outcome.lastUsed) continue
          for (const { id } of outcome.packages) tick(this.timesLast, id)
        }
        return outcomes
      },
    })
    this.test = startGateway({ quota: { perAuthor: QUOTA } }, noting)
    for (let index = 0; index < ADDRESSES; index += 1) this.connect(index)
  }

  connect(index: number): void {
    this.clients[index] = this.test.connect({ address: `192.0.2.${index}` })
  }

  async do(step: Step, packages: readonly SignedEvent[][]): Promise<void> {
    if (step.does === 'publish') {
      await this.test.gateway.publish(packages[step.author]?.[step.index] as SignedEvent)
      return
    }
    const client = this.clients[step.address] as TestClient
    const asked = step.does === 'ask' ? step.authors : [step.author]
    const answer = client.ask('REQ', 'sub', {
      kinds: [443],
      authors: asked.map((index) => AUTHORS[index]?.pubkey),
    })
    await turns(asked.length)
    if (step.does === 'lose') {
      client.session.close()
      this.connect(step.address)
    }
    if (step.does === 'ask' && step.closes) void client.say('CLOSE', 'sub')
    for (const id of idsIn(await answer)) tick(this.timesSent, id)
  }

  async counts(): Promise<number[]> {
    const authors = AUTHORS.map(({ pubkey }) => pubkey)
    return (await this.test.store.count(authors, this.test.now)).map((count = 0) => count)
  }
}

function tick(times: Map<string, number>, id: string): void {
  times.set(id, (times.get(id) ?? 0) + 1)
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await undefined
}

describe('over random histories', () => {
  it('I1, I2, I3 and I5 hold', async () => {
    const packages = await Promise.all(AUTHORS.map((each) => keyPackagesOf(each, 6)))
    await fc.assert(
      fc.asyncProperty(history, async (batches) => {
        const world = new World()
        for (const [batch, pause] of batches) {
          const before = await world.counts()
          await Promise.all(batch.map((each) => world.do(each, packages)))
          const after = await world.counts()
          // I2
          expect(after.map((count, index) => count === 0 && before[index] !== 0)).not.toContain(true)
          world.test.now += pause
        }
        // I1: once as an ordinary package, and as often as it was the last.
        for (const [id, times] of world.timesSent) {
          expect(times).toBeLessThanOrEqual(1 + (world.timesLast.get(id) ?? 0))
        }
        // I3; publishing may also retire what is exposed.
        const stocked = await world.counts()
        for (const event of packages.flat().filter(({ id }) => world.timesSent.has(id))) {
          expect((await world.test.gateway.publish(event)).message).toMatch(/^duplicate: /)
        }
        const left = await world.counts()
        expect(left.every((count, index) => count <= (stocked[index] ?? 0))).toBe(true)
        expectQuotasKept(world)
      }),
      { seed: 1, numRuns: 60 },
    )
  }, 60_000)
})

/** I5: in no window did a requester get more of one author than the quota says. */
function expectQuotasKept({ claims }: World): void {
  for (const { claim, at } of claims) {
    const inWindow = claims.filter(
      (other) =>
        other.claim.author === claim.author &&
        other.claim.requester === claim.requester &&
        other.at <= at &&
        other.at > at - QUOTA.windowSeconds,
    )
    expect(inWindow.length).toBeLessThanOrEqual(QUOTA.max)
  }
}
