/**
 * Plays weeks of an author's life against somebody who wants to use up their key packages: virtual time, seeded randomness, the real
 * stock engine in a real store. Shows what the stranger rule (DESIGN section 6) achieves.
 */

import type {
  ClaimOutcome,
  ClaimPolicy,
  KeyPackageStore,
  Standing,
  StockLimits,
} from '../../../plugin/store.ts'
import { authorNamed, claimBy, DAY, HOUR, hex, LIMITS, NOW, packageNamed } from '../../contract/packages.ts'
import { seededFractions } from '../../support/random.ts'

/** What is played. */
export interface Plot {
  readonly days: number
  readonly knownPerDay: number
  readonly strangersPerDay: number
  /** Addresses of the attacker, who has a new key for each claim; 0: there is none. */
  readonly attackerAddresses: number
  /** How often the author's phone comes online, and fills the stock. */
  readonly onlineEverySeconds: number
  readonly policy: ClaimPolicy
  readonly seed: number
}

/** What came of it. */
export interface Result {
  readonly known: Served
  readonly strangers: Served
  /** Fresh packages that the attacker took, in a day. */
  readonly lostPerDay: number
  /** How often the author was asked for more, in a day. */
  readonly asksPerDay: number
  /** How many claims of honest requesters had to be looked up. */
  readonly lookUps: number
}

/** How many claims there were, and how many of them got a package that nobody else gets. */
export interface Served {
  readonly claims: number
  readonly fresh: number
}

const ALICE = authorNamed('alice')
const STOCK_LIMITS: StockLimits = { ...LIMITS, max: 10 }
const SWEEP_SECONDS = HOUR
/** An author is asked at most this often (`replenish.intervalSeconds`). */
const ASK_SECONDS = 300
/** How often the attacker comes. */
const ATTACK_SECONDS = 60
/** After so many claims in a row without a fresh package the attacker leaves. */
const MAX_MISSES = 5
/** People whom the author knows, and who invite them now and then. */
const FRIENDS = 20

type Deed = 'online' | 'known' | 'stranger' | 'attack' | 'sweep'

export async function play(store: KeyPackageStore, plot: Plot): Promise<Result> {
  return new Life(store, plot).live()
}

class Life {
  readonly #store: KeyPackageStore
  readonly #plot: Plot
  readonly #random: () => number
  readonly #known = { claims: 0, fresh: 0 }
  readonly #strangers = { claims: 0, fresh: 0 }
  #now = NOW
  #published = 0
  #claimed = 0
  #lost = 0
  #asks = 0
  #lookUps = 0
  #quietUntil = 0

  constructor(store: KeyPackageStore, plot: Plot) {
    this.#store = store
    this.#plot = plot
    this.#random = seededFractions(plot.seed)
  }

  async live(): Promise<Result> {
    const stop = this.#store.onLowStock(() => this.#ask())
    for (const [at, deed] of this.#deeds()) {
      this.#now = at
      await this.#do(deed)
    }
    stop()
    const { days } = this.#plot
    return {
      known: this.#known,
      strangers: this.#strangers,
      lostPerDay: this.#lost / days,
      asksPerDay: this.#asks / days,
      lookUps: this.#lookUps,
    }
  }

  /** Everything that happens, in order. */
  #deeds(): (readonly [at: number, deed: Deed])[] {
    const { days, knownPerDay, strangersPerDay, attackerAddresses, onlineEverySeconds } = this.#plot
    const end = days * DAY
    const regularly = (deed: Deed, every: number) =>
      Array.from({ length: Math.floor(end / every) }, (_, index) => [NOW + index * every, deed] as const)
    const anytime = (deed: Deed, count: number) =>
      Array.from({ length: count }, () => [NOW + Math.floor(this.#random() * end), deed] as const)
    const attacks = attackerAddresses > 0 ? regularly('attack', ATTACK_SECONDS) : []
    const deeds = [
      ...regularly('online', onlineEverySeconds),
      ...attacks,
      ...regularly('sweep', SWEEP_SECONDS),
      ...anytime('known', knownPerDay * days),
      ...anytime('stranger', strangersPerDay * days),
    ]
    return deeds.sort(([one], [other]) => one - other)
  }

  #do(deed: Deed): Promise<unknown> {
    switch (deed) {
      case 'online':
        return this.#fill()
      case 'known':
        return this.#claimHonestly(this.#known, {
          knownAs: hex(`friend ${Math.floor(this.#random() * FRIENDS)}`),
        })
      case 'stranger':
        return this.#claimHonestly(this.#strangers, 'stranger')
      case 'attack':
        return this.#attack()
      case 'sweep':
        return this.#store.sweep(this.#now, STOCK_LIMITS.retireAfterSeconds)
    }
  }

  /** The author publishes until there is no room. */
  async #fill(): Promise<void> {
    for (;;) {
      this.#published += 1
      const times = { createdAt: this.#now, expiresAt: this.#now + 90 * DAY }
      const pkg = packageNamed(`${this.#published}`, ALICE, times)
      if ((await this.#store.put(pkg, STOCK_LIMITS, this.#now)) !== 'stored') return
    }
  }

  /** Claims without saying who it is; only where the answer depends on it, as the gateway does. */
  async #claimHonestly(served: { claims: number; fresh: number }, standing: Standing): Promise<void> {
    this.#claimed += 1
    const requester = `honest ${this.#claimed}`
    let outcome = await this.#claim(requester, `address of ${requester}`)
    if (outcome?.outcome === 'needs-known') {
      this.#lookUps += 1
      outcome = await this.#claim(requester, `address of ${requester}`, standing)
    }
    served.claims += 1
    if (outcome?.outcome === 'delivered' && !outcome.sharedUsed) served.fresh += 1
  }

  async #attack(): Promise<void> {
    let misses = 0
    for (let tried = 0; tried < this.#plot.attackerAddresses && misses < MAX_MISSES; tried++) {
      this.#claimed += 1
      const address = `attacker ${this.#claimed % this.#plot.attackerAddresses}`
      const outcome = await this.#claim(`key ${this.#claimed}`, address, 'stranger')
      const taken = outcome?.outcome === 'delivered' ? outcome.freshTaken : 0
      this.#lost += taken
      misses = taken === 0 ? misses + 1 : 0
    }
  }

  async #claim(requester: string, address: string, standing?: Standing): Promise<ClaimOutcome | undefined> {
    const claim = claimBy(requester, ALICE, { address, ...(standing && { standing }) })
    const [outcome] = await this.#store.claim([claim], this.#plot.policy, this.#now)
    return outcome
  }

  #ask(): void {
    if (this.#now < this.#quietUntil) return
    this.#asks += 1
    this.#quietUntil = this.#now + ASK_SECONDS
  }
}
