/** What the made-up people do: they publish, ask for each other's packages, and now and then somebody asks for too much. */

import type { CiphersuiteImpl } from 'ts-mls'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { ClientMessage } from '../../../plugin/nostr/messages.ts'
import { makePackage, type Resident } from './residents.ts'

export interface LifeSettings {
  readonly gateway: KeyPackageGateway
  readonly residents: readonly Resident[]
  readonly suite: CiphersuiteImpl
  /** Seconds since the epoch. */
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
}

/** A client for the time of one exchange. */
interface Caller {
  readonly address: string
  readonly pubkey?: string
}

/** Of somebody who asks for one person's packages again and again. */
export const GREEDY_ADDRESS = '203.0.113.66'

const FOLLOWS_KIND = 3
/** Each follows some others, who get fresh packages where strangers share one. */
const FOLLOWED = 8
/** What strangers may use up of each address makes some of them wait. */
const ADDRESSES = 400

export class Life {
  readonly #settings: LifeSettings
  readonly #follows = new Map<Resident, readonly Resident[]>()
  /** Whose apps publish more when few are left. */
  readonly #caring: readonly Resident[]

  constructor(settings: LifeSettings) {
    this.#settings = settings
    this.#caring = settings.residents.filter(({ whenLow }) => whenLow === 'publishes more')
  }

  /** Somebody arrives: their app publishes their packages, and whom they follow. */
  async arrive(resident: Resident): Promise<void> {
    for (let count = 0; count < resident.packages; count += 1) await this.#publish(resident)
    for (const slot of resident.slots) await this.#publish(resident, slot)
    const { gateway, now, residents } = this.#settings
    const others = residents.filter((other) => other !== resident)
    const followed = Array.from({ length: FOLLOWED }, () => this.#oneOf(others))
    this.#follows.set(resident, followed)
    const tags = followed.map(({ pubkey }) => ['p', pubkey])
    const list = resident.sign({ kind: FOLLOWS_KIND, created_at: now(), tags, content: '' })
    await gateway.accept(list, this.#callerAs(resident))
  }

  /** Somebody's friends ask until only the last one is left. */
  async runOut(resident: Resident): Promise<void> {
    for (let asked = 0; asked < 4 * resident.packages; asked += 1) await this.claimByFriend(resident)
  }

  /** Somebody leaves, and deletes their packages. */
  async leave({ pubkey }: Resident): Promise<void> {
    await this.#settings.gateway.remove(pubkey, 'everything')
  }

  /** The apps of those who look after their packages connect, and find how many are left. */
  async everybodyConnects(): Promise<void> {
    for (const resident of this.#caring) await this.#lookAfter(resident)
  }

  /** One thing happens, chosen at random. */
  async happen(): Promise<void> {
    const chance = this.#settings.random()
    if (chance < 0.16) return this.claimByFriend(this.#anybody())
    if (chance < 0.6) return this.claimByStranger(this.#anybody())
    if (chance < 0.76) return this.#askForSlots()
    if (chance < 0.93) return this.#lookAfter(this.#oneOf(this.#caring))
    if (chance < 0.97) return this.#send(this.#stranger(), ['REQ', 'browse', { kinds: [443] }])
    return this.#publishGarbage()
  }

  /** Somebody whom the author follows asks, and gets a fresh one. */
  async claimByFriend(author: Resident): Promise<void> {
    const friend = this.#oneOf(this.#follows.get(author) ?? this.#settings.residents)
    await this.#send(this.#callerAs(friend), ['REQ', 'add', { kinds: [443], authors: [author.pubkey] }])
  }

  async claimByStranger(author: Resident, from: Caller = this.#stranger()): Promise<void> {
    await this.#send(from, ['REQ', 'add', { kinds: [443], authors: [author.pubkey] }])
  }

  /** Somebody asks for one person's packages again and again, until they have to wait. */
  async askTooOften(): Promise<void> {
    const { residents } = this.#settings
    const wanted = residents.at(-1) ?? this.#anybody()
    await this.claimByStranger(wanted, { address: GREEDY_ADDRESS })
  }

  /** An app of the Marmot specification asks for the slots of its contacts. */
  async #askForSlots(): Promise<void> {
    const contacts = [this.#anybody(), this.#anybody(), this.#anybody()]
    const authors = [...new Set(contacts.map(({ pubkey }) => pubkey))]
    await this.#send(this.#stranger(), ['REQ', 'contacts', { kinds: [30443], authors, limit: 12 }])
  }

  /** An app sees to it that there are enough, and that its slot is not used for too long. */
  async #lookAfter(resident: Resident): Promise<void> {
    const { gateway, random } = this.#settings
    const own = await gateway.ownPackages(resident.pubkey)
    const fresh = own.filter(({ state }) => state === 'fresh').length
    if (resident.packages > 0 && fresh < gateway.options.stock.low) {
      for (let count = fresh; count < resident.packages; count += 1) await this.#publish(resident)
    } else if (resident.slots.length > 0 && random() < 0.5) {
      await this.#publish(resident, this.#oneOf(resident.slots))
    } else if (resident.packages > 0 && fresh < 2 * resident.packages) {
      await this.#publish(resident)
    }
  }

  async #publish(resident: Resident, slot?: string): Promise<void> {
    const { gateway, suite, now } = this.#settings
    const event = await makePackage(resident, suite, { at: now(), ...(slot !== undefined && { slot }) })
    const { address } = this.#callerAs(resident)
    await gateway.publish(event, { address, authenticated: [resident.pubkey] })
  }

  async #publishGarbage(): Promise<void> {
    const resident = this.#anybody()
    const template = { kind: 443, created_at: this.#settings.now(), tags: [], content: 'not a key package' }
    await this.#send(this.#stranger(), ['EVENT', resident.sign(template)])
  }

  async #send({ address, pubkey }: Caller, message: ClientMessage): Promise<void> {
    const session = this.#settings.gateway.session({
      address,
      send: () => undefined,
      authenticated: () => (pubkey === undefined ? [] : [pubkey]),
      duration: 'one exchange',
    })
    const { replies } = await session.fromClient(message)
    for await (const _ of replies);
    session.close()
  }

  #callerAs({ pubkey }: Resident): Required<Caller> {
    const home = this.#settings.residents.findIndex((each) => each.pubkey === pubkey)
    return { address: `192.0.2.${home + 1}`, pubkey }
  }

  #stranger(): Caller {
    return { address: `2001:db8:${Math.floor(this.#settings.random() * ADDRESSES).toString(16)}::1` }
  }

  /** Some are more popular than others. */
  #anybody(): Resident {
    const { residents, random } = this.#settings
    return residents[Math.floor(random() ** 1.1 * residents.length)] ?? this.#oneOf(residents)
  }

  #oneOf<One>(all: readonly One[]): One {
    const chosen = all[Math.floor(this.#settings.random() * all.length)]
    if (chosen === undefined) throw new Error('there is nobody')
    return chosen
  }
}
