/** I1 to I5 through sessions: many clients at once, in random histories of claims, CLOSEs, lost connections and sweeps. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import { isForSlotsAlone, isSlot } from '../../plugin/stock/selection.ts'
import type { Claim, ClaimOutcome, KeyPackageStore } from '../../plugin/store.ts'
import {
  eventsIn,
  idsIn,
  keyPackagesOf,
  startGateway,
  type TestClient,
  type TestGateway,
} from '../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../support/key-packages.ts'
import { type Person, person } from '../support/people.ts'

const AUTHORS = ['alice', 'bob', 'carol'].map(person)
const QUOTA = { max: 3, windowSeconds: 600 }
const ADDRESSES = 4

type Step =
  | { readonly does: 'publish'; readonly author: number; readonly index: number }
  | { readonly does: 'fill'; readonly author: number; readonly index: number }
  | { readonly does: 'twin'; readonly author: number; readonly index: number }
  | { readonly does: 'sweep' }
  | {
      readonly does: 'ask'
      readonly address: number
      readonly authors: number[]
      readonly kinds: readonly number[]
      readonly closes: boolean
    }
  | { readonly does: 'lose'; readonly address: number; readonly author: number }

const author = fc.integer({ min: 0, max: AUTHORS.length - 1 })
const address = fc.integer({ min: 0, max: ADDRESSES - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ does: fc.constant('publish' as const), author, index: fc.integer({ min: 0, max: 5 }) }),
  fc.record({ does: fc.constant('fill' as const), author, index: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ does: fc.constant('twin' as const), author, index: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ does: fc.constant('sweep' as const) }),
  fc.record({
    does: fc.constant('ask' as const),
    address,
    authors: fc.array(author, { minLength: 1, maxLength: 3 }),
    kinds: fc.constantFrom([443], [443], [30443], [443, 30443]),
    closes: fc.boolean(),
  }),
  fc.record({ does: fc.constant('lose' as const), address, author }),
)
/** redeliverySeconds, what happens at once, and how much later. */
const history = fc.record({
  redeliverySeconds: fc.constantFrom(0, 0, 120),
  batches: fc.array(fc.tuple(fc.array(step, { maxLength: 8 }), fc.integer({ min: 0, max: 300 })), {
    maxLength: 12,
  }),
})

/** Packages of each author: one-time packages, and an older and a newer one for each of two slots, with their twins. */
interface Made {
  readonly packages: readonly SignedEvent[]
  readonly slots: readonly SignedEvent[]
  readonly twins: readonly SignedEvent[]
}

/** A gateway that records every counted claim, and how often each package was its author's last. */
class World {
  readonly claims: { readonly claim: Claim; readonly at: number }[] = []
  readonly timesLast = new Map<string, number>()
  /** To whom each package was sent. */
  readonly sentTo = new Map<string, Set<number>>()
  readonly clients: TestClient[] = []
  readonly test: TestGateway

  constructor(redeliverySeconds: number) {
    const noting = (store: KeyPackageStore): Partial<KeyPackageStore> => ({
      claim: async (claims, policy, now) => {
        const outcomes = await store.claim(claims, policy, now)
        for (const [index, outcome] of outcomes.entries()) {
          const claim = claims[index]
          if (claim !== undefined && isCounted(claim, outcome)) this.claims.push({ claim, at: now })
          if (outcome.outcome !== 'delivered' || !outcome.sharedUsed) continue
          for (const { id } of outcome.packages) tick(this.timesLast, id)
        }
        return outcomes
      },
    })
    const options = { claim: { redeliverySeconds }, quota: { perAuthor: QUOTA } }
    this.test = startGateway({ ...options, kinds: [443, 30443] }, noting)
    for (let index = 0; index < ADDRESSES; index += 1) this.connect(index)
  }

  connect(index: number): void {
    this.clients[index] = this.test.connect({ address: `192.0.2.${index}` })
  }

  async do(step: Step, made: readonly Made[]): Promise<void> {
    if (step.does === 'sweep') return void (await this.test.gateway.sweep())
    if (step.does === 'publish' || step.does === 'fill' || step.does === 'twin') {
      const { packages = [], slots = [], twins = [] } = made[step.author] ?? {}
      const events = { publish: packages, fill: slots, twin: twins }[step.does]
      await this.test.gateway.publish(events[step.index] as SignedEvent)
      return
    }
    const client = this.clients[step.address] as TestClient
    const asked = step.does === 'ask' ? step.authors : [step.author]
    const answer = client.ask('REQ', 'sub', {
      kinds: step.does === 'ask' ? step.kinds : [443],
      authors: asked.map((index) => AUTHORS[index]?.pubkey),
    })
    await turns(asked.length)
    if (step.does === 'lose') {
      client.session.close()
      this.connect(step.address)
    }
    if (step.does === 'ask' && step.closes) void client.say('CLOSE', 'sub')
    for (const id of idsIn(await answer)) {
      this.sentTo.set(id, (this.sentTo.get(id) ?? new Set()).add(step.address))
    }
  }

  async counts(): Promise<number[]> {
    const authors = AUTHORS.map(({ pubkey }) => pubkey)
    return (await this.test.store.count(authors, this.test.now)).map((count = 0) => count)
  }
}

/** Whether the windows of the author count a claim. */
function isCounted(claim: Claim, outcome: ClaimOutcome): boolean {
  return outcome.outcome === 'delivered' && outcome.counted && !isForSlotsAlone(claim)
}

function tick(times: Map<string, number>, id: string): void {
  times.set(id, (times.get(id) ?? 0) + 1)
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await undefined
}

describe('over random histories', () => {
  it('I1 to I5 hold', async () => {
    const made = await Promise.all(AUTHORS.map(make))
    await fc.assert(
      fc.asyncProperty(history, async ({ redeliverySeconds, batches }) => {
        const world = new World(redeliverySeconds)
        for (const [batch, pause] of batches) {
          const before = await world.counts()
          await Promise.all(batch.map((each) => world.do(each, made)))
          const after = await world.counts()
          // I2
          expect(after.map((count, index) => count === 0 && before[index] !== 0)).not.toContain(true)
          world.test.now += pause
        }
        // I1: to one as an ordinary package, and to others as often as it was the last.
        for (const { id } of made.flatMap(({ packages }) => packages)) {
          expect(world.sentTo.get(id)?.size ?? 0).toBeLessThanOrEqual(1 + (world.timesLast.get(id) ?? 0))
        }
        // I3; publishing may also retire exposed packages.
        const stocked = await world.counts()
        for (const event of made
          .flatMap(({ packages, slots, twins }) => [...packages, ...slots, ...twins])
          .filter(({ id }) => world.sentTo.has(id))) {
          expect((await world.test.gateway.publish(event)).message).toMatch(/^duplicate: /)
        }
        const left = await world.counts()
        expect(left.every((count, index) => count <= (stocked[index] ?? 0))).toBe(true)
        expectQuotasKept(world)
        // I4: only slots arrive unasked.
        const pushed = world.clients.flatMap((client) => eventsIn(client.pushed))
        expect(pushed.filter(({ kind }) => kind !== 30443)).toEqual([])
        await expectSlotsKept(
          world,
          batches.flatMap(([batch]) => batch),
          made,
        )
      }),
      { seed: 1, numRuns: 60 },
    )
  })
})

async function make(author: Person): Promise<Made> {
  const times = [NOW - 20, NOW - 10].flatMap((createdAt) => ['phone', 'desk'].map((d) => ({ createdAt, d })))
  const inSlots = await Promise.all(
    times.map(async ({ createdAt, d }) => {
      const made = await makeKeyPackage(author)
      const slot = keyPackageEvent(author, made, { kind: 30443, createdAt, tags: { d: [d] } })
      return { slot, twin: keyPackageEvent(author, made, { createdAt }) }
    }),
  )
  return {
    packages: await keyPackagesOf(author, 6),
    slots: inSlots.map(({ slot }) => slot),
    twins: inSlots.map(({ twin }) => twin),
  }
}

/** Whatever was claimed, each slot that was filled holds the newest that was published for it. */
async function expectSlotsKept(
  { test }: World,
  steps: readonly Step[],
  made: readonly Made[],
): Promise<void> {
  for (const [author, { slots }] of made.entries()) {
    const filled = steps.flatMap((each) =>
      each.does === 'fill' && each.author === author ? [each.index] : [],
    )
    const newest = [0, 1].flatMap((slot) =>
      filled
        .filter((index) => index % 2 === slot)
        .sort()
        .slice(-1),
    )
    const kept = (await test.store.list(AUTHORS[author]?.pubkey as Pubkey, test.now)).filter(isSlot)
    expect(kept.map(({ id }) => id).sort()).toEqual(newest.map((index) => slots[index]?.id).sort())
  }
}

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
