/** Plays one round on a stage: authors and requesters at work before, during and after a fault; then checks every author. */

import { setTimeout as wait } from 'node:timers/promises'
import { eventually } from '../../support/eventually.ts'
import { keyPackageEvent, type MadeKeyPackage, makeKeyPackage } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'
import { Author } from './author.ts'
import { oneOf, type Random, randomFor, someOf } from './choices.ts'
import { Model } from './model.ts'
import { isUnknown, type Operation } from './operation.ts'
import { Recorder } from './recorder.ts'
import { findOrder } from './search.ts'
import type { Clients, Stage } from './stage.ts'
import type { NamedTerms } from './terms.ts'
import { timelineOf } from './timeline.ts'
import { Visitor } from './visitor.ts'

const AUTHORS = 6
const REQUESTERS = 8
const LEAVERS = 3
/** Operations of each client, before and after the fault. */
const STEPS = { before: 4, after: 4 }
/** During it: as long as it lasts, but few of them without an answer, because those have many orders. */
const DURING = { least: 3, most: 10, unknown: 3 }
/** The longest pause between two of these: at first clients are busy, and then they are there still. */
const [SHORT_MS, LONG_MS] = [10, 500]
const FIRST_PACKAGES = 4
/** Redis may refuse changes for ten seconds after a failover. */
const READY_MS = 60_000

export interface Round {
  readonly stage: Stage
  /** The search for each order is given up after so many states; by default after some seconds. */
  readonly mostStates?: number
  readonly terms: NamedTerms
  /** Everything random follows from it. */
  readonly seed: string
}

export interface RoundResult {
  readonly operations: number
  readonly unknown: number
  readonly authors: number
  /** The authors whose search was given up. */
  readonly undecided: readonly string[]
  /** The timeline of each author whose history has no legal order. */
  readonly violations: readonly string[]
}

export async function playRound({ stage, terms, seed, mostStates }: Round): Promise<RoundResult> {
  const recorder = new Recorder(terms)
  const cast = await castOf(stage, terms, seed)
  const play = new Play(cast, recorder, seed)
  try {
    await play.prepare()
    await play.run(STEPS.before)
    await play.runDuring((clients) => stage.harm(clients, randomFor(seed, 'harm')))
    await ready(stage, seed)
    await play.run(STEPS.after)
    await play.end()
    await stage.settle?.()
  } finally {
    await play.close()
  }
  return check(recorder, cast.authors, terms, mostStates)
}

interface Cast {
  readonly authors: readonly Author[]
  readonly owners: ReadonlyMap<Author, Visitor>
  readonly requesters: readonly Visitor[]
  /** They claim, and do not wait for the answer. */
  readonly leavers: readonly Visitor[]
}

async function castOf({ gateways }: Stage, terms: NamedTerms, seed: string): Promise<Cast> {
  const random = randomFor(seed, 'cast')
  const authors = await Promise.all(
    Array.from({ length: AUTHORS }, (_, index) =>
      Author.make(`author ${seed} ${index}`, terms, random, index % 3 === 0 ? 'slots too' : 'one-time'),
    ),
  )
  const visitor = (name: string, address: string, as?: Person) =>
    new Visitor({ name, gateways, address, random: randomFor(seed, name), ...(as && { as }) })
  const owners = authors.map((author, index) => {
    return [author, visitor(`owner ${index}`, `10.1.0.${index + 1}`, author.person)] as const
  })
  const requesters = Array.from({ length: REQUESTERS }, (_, index) => {
    const as = index % 2 === 0 ? person(`requester ${seed} ${index}`) : undefined
    return visitor(`requester ${index}`, ADDRESSES[index % ADDRESSES.length] ?? '', as)
  })
  const leavers = Array.from({ length: LEAVERS }, (_, index) =>
    visitor(`leaver ${index}`, `10.4.0.${index + 1}`),
  )
  return { authors, owners: new Map(owners), requesters, leavers }
}

/** Fewer than requesters; two of them in one network. */
const ADDRESSES = ['10.2.0.1', '10.2.0.2', '2001:db8:0:1::1', '2001:db8:0:2::1', '10.2.0.3']

interface Actor {
  readonly visitor: Visitor
  readonly random: Random
  readonly step: () => Promise<void>
}

class Play {
  readonly #cast: Cast
  readonly #recorder: Recorder
  readonly #actors: readonly Actor[]
  #begun = 0
  #isRunning = false
  #onProgress = new Set<() => void>()

  constructor(cast: Cast, recorder: Recorder, seed: string) {
    this.#cast = cast
    this.#recorder = recorder
    recorder.onBegun = () => {
      this.#begun += 1
      this.#progress()
    }
    this.#actors = [
      ...[...cast.owners].map(([author, owner]) => {
        const random = randomFor(seed, owner.name, 'acts')
        return { visitor: owner, random, step: () => this.#publisherStep(author, owner, random) }
      }),
      ...cast.requesters.map((requester) => {
        const random = randomFor(seed, requester.name, 'acts')
        return { visitor: requester, random, step: () => this.#requesterStep(requester, random) }
      }),
    ]
  }

  async prepare(): Promise<void> {
    await Promise.all(
      [...this.#cast.owners].map(async ([author, owner]) => {
        for (let count = 0; count < FIRST_PACKAGES; count++)
          await this.#recorder.publish(
            owner,
            author,
            author.next(() => 0),
          )
      }),
    )
  }

  /** Each client does so many things. */
  async run(steps: number): Promise<void> {
    await Promise.all(
      this.#actors.map(async ({ step }) => {
        for (let count = 0; count < steps; count++) await step()
      }),
    )
  }

  /** Clients go on until the harm is done and repaired. */
  async runDuring(harm: (clients: Clients) => Promise<void>): Promise<void> {
    let isOver = false
    const clients = {
      begun: (count: number) => this.#afterMore(count),
      cutAll: () => {
        for (const visitor of this.#visitors()) visitor.cut()
      },
      claimAndLeave: () => this.#claimAndLeave(),
    }
    this.#isRunning = true
    const acting = this.#actors.map(async ({ step, visitor, random }) => {
      for (let count = 0; count < DURING.most && (count < DURING.least || !isOver); count++) {
        if (this.#recorder.unknownOf(visitor) >= DURING.unknown) return
        await step()
        if (!isOver) await wait(random(count < DURING.least ? SHORT_MS : LONG_MS))
      }
    })
    const acted = Promise.all(acting).then(() => {
      this.#isRunning = false
      this.#progress()
    })
    const harmed = harm(clients).finally(() => {
      isOver = true
    })
    await Promise.all([acted, harmed])
  }

  /** Each owner lists what is left. */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#cast.owners].map(([author, owner]) =>
        eventually(`${owner.name} is answered`, () => this.#recorder.list(owner, author), READY_MS),
      ),
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.#visitors().map((visitor) => visitor.close()))
  }

  async #publisherStep(author: Author, owner: Visitor, random: Random): Promise<void> {
    const dice = random(20)
    if (dice < 9) return this.#recorder.publish(owner, author, author.next(random))
    if (dice < 13) return this.#recorder.publish(owner, author, author.former(random))
    if (dice < 16) return this.#recorder.delete(owner, author, author.deletion(random))
    if (dice < 17) return this.#recorder.delete(owner, author, author.vanishing(random))
    return this.#recorder.count(owner, author, oneOf(random, [[443], [443, 30443]]))
  }

  async #requesterStep(requester: Visitor, random: Random): Promise<void> {
    const { authors } = this.#cast
    if (random(12) === 0) {
      const author = oneOf(random, authors)
      return this.#recorder.publish(requester, author, author.former(random))
    }
    const asked = someOf(random, authors, random(3) === 0 ? 3 : 1)
    const kinds = kindsFor(asked, random)
    const limit = oneOf(random, [undefined, undefined, 1, 10])
    const pubkeys = asked.map(({ person: { pubkey } }) => pubkey)
    return this.#recorder.claim(requester, pubkeys, { kinds, ...(limit !== undefined && { limit }) })
  }

  /** Each claims packages of several authors. */
  async #claimAndLeave(): Promise<void> {
    const { authors, leavers } = this.#cast
    await Promise.all(
      leavers.map(async (leaver, index) => {
        const asked = authors.filter((_, place) => place % leavers.length === index)
        await this.#recorder.claimAndLeave(
          leaver,
          asked.map(({ person: { pubkey } }) => pubkey),
        )
      }),
    )
  }

  #visitors(): Visitor[] {
    return [...this.#cast.owners.values(), ...this.#cast.requesters, ...this.#cast.leavers]
  }

  #progress(): void {
    for (const onProgress of this.#onProgress) onProgress()
  }

  #afterMore(count: number): Promise<void> {
    const enough = this.#begun + count
    return new Promise((resolve) => {
      const onProgress = () => {
        if (this.#isRunning && this.#begun < enough) return
        this.#onProgress.delete(onProgress)
        resolve()
      }
      this.#onProgress.add(onProgress)
      onProgress()
    })
  }
}

/**
 * Which slots a gateway has shown to whom is not in the store, and decides whether a claim of both kinds counts. So nobody asks
 * an author with slots for both.
 */
function kindsFor(authors: readonly Author[], random: Random): readonly number[] {
  const haveSlots = authors.some(({ hasSlots }) => hasSlots)
  if (!haveSlots) return oneOf(random, [[443], [443, 30443]])
  return oneOf(random, [[443], [443], [30443]])
}

/** Every gateway takes changes of several authors, who on a cluster are on several nodes. */
async function ready({ gateways }: Stage, seed: string): Promise<void> {
  const probes = await Promise.all(PROBES.map(async (someone) => [someone, await made(someone)] as const))
  await Promise.all(
    gateways.map(async (gateway, index) => {
      const random = randomFor(seed, 'probe', index)
      const visitor = new Visitor({
        name: 'probe',
        gateways: [gateway],
        address: `10.3.0.${index + 1}`,
        random,
      })
      for (const [someone, keyPackage] of probes)
        await eventually(
          'a gateway takes changes',
          () => isTaken(visitor, someone, keyPackage),
          READY_MS,
        ).catch((error: unknown) => {
          const last = gateway.log.slice(-8).map((line) => JSON.stringify(line))
          throw new Error(['it takes none, and logged last:', ...last].join('\n'), { cause: error })
        })
      await visitor.close()
    }),
  )
}

const PROBES = Array.from({ length: 6 }, (_, index) => person(`probe ${index}`))
const PROBE_AGE_SECONDS = 2 * 3600
let probed = 0

function made(someone: Person): Promise<MadeKeyPackage> {
  return makeKeyPackage(someone, { now: Math.floor(Date.now() / 1000) - PROBE_AGE_SECONDS })
}

/** Each time it is another event, so that there is something to write. */
async function isTaken(visitor: Visitor, someone: Person, keyPackage: MadeKeyPackage): Promise<boolean> {
  probed += 1
  const createdAt = Math.floor(Date.now() / 1000) - PROBE_AGE_SECONDS
  const tags = { d: [`probe`], count: [String(probed)] }
  const event = keyPackageEvent(someone, keyPackage, { createdAt, kind: 30443, tags })
  const { answer } = await visitor.publish(event)
  return answer !== undefined && !answer.why.startsWith('error: ')
}

function check(
  recorder: Recorder,
  authors: readonly Author[],
  terms: NamedTerms,
  mostStates?: number,
): RoundResult {
  const model = new Model(terms)
  const histories = recorder.histories()
  const all: Operation[] = [...histories.values()].flat()
  const violations: string[] = []
  const undecided: string[] = []
  for (const { name, person: someone } of authors) {
    const operations = histories.get(someone.pubkey) ?? []
    const verdict = findOrder(operations, model, mostStates)
    if (verdict.outcome === 'undecided')
      undecided.push(
        `${name}, of ${operations.length} operations, ${operations.filter(isUnknown).length} without an answer`,
      )
    if (verdict.outcome === 'illegal')
      violations.push(`${name} (${someone.pubkey})\n${timelineOf(operations, verdict, model)}`)
  }
  return {
    operations: all.length,
    unknown: all.filter(isUnknown).length,
    authors: authors.length,
    undecided,
    violations,
  }
}
