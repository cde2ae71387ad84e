/** Who takes part in a run: authors, people who invite them, hoarders, and people who browse. Each is the same in every run of a seed. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { type Person, person } from '../../support/people.ts'
import { Device } from './device.ts'
import type { Journal } from './journal.ts'
import { CLIENTS, type ClientName, type Supplied, Supply } from './supply.ts'

/** How many of each there are. */
export interface Crowd {
  readonly authors: number
  readonly inviters: number
}

export interface PeopleSettings extends Crowd {
  readonly seed: number
  /** Devices are spread over these. */
  readonly urls: readonly string[]
  readonly journal: Journal
  /** When the run begins, in seconds since the epoch. */
  readonly now: number
  /** How long a KeyPackage can be used, where it is not as long as the client has it. */
  readonly lifetimeSeconds: number | undefined
}

/** Of a hundred authors, and of a hundred people who invite. */
const CLIENTS_OF_100: Readonly<Record<ClientName, number>> = {
  loxation: 35,
  pika: 15,
  paytaca: 5,
  whitenoise: 15,
  'marmot-ts': 5,
  amethyst: 5,
  mdk: 20,
}
const CLIENT_OF = (Object.entries(CLIENTS_OF_100) as [ClientName, number][]).flatMap(([name, count]) =>
  Array.from({ length: count }, () => name),
)
/** Of ten authors, so many authenticate: their client answers a challenge. */
const AUTHENTICATED_AUTHORS_OF_10 = 6
const AUTHENTICATED_INVITERS_OF_10 = 3
const DORMANT_AUTHORS_OF_10 = 1
const HOARDERS = 10
const WANTS = ['the same few', 'everybody'] as const
const BROWSERS = 20

interface AuthorSettings {
  readonly client: ClientName
  readonly device: Device
  readonly now: number
  readonly lifetimeSeconds: number | undefined
  readonly isDormant: boolean
}

/** Somebody who publishes key packages. */
export class Author {
  readonly client: ClientName
  readonly device: Device
  /** Has published one package, and is never seen again: it stays their last (I2). */
  readonly isDormant: boolean
  /** One-time packages that were stored; by now they may be used, deleted or expired. */
  stored: readonly Supplied[] = []
  /** When something was published, in seconds since the epoch. */
  #published: readonly number[] = []
  /** What was created until then is deleted, in seconds since the epoch. */
  deletedUntil = 0
  slot: string | undefined
  readonly #supply: Supply
  readonly #reserve: (readonly Supplied[])[] = []
  #latest: number

  constructor({ client, device, now, lifetimeSeconds, isDormant }: AuthorSettings) {
    this.client = client
    this.device = device
    this.isDormant = isDormant
    this.#supply = new Supply(device.settings.person, client, lifetimeSeconds)
    this.#latest = now
  }

  get pubkey(): Pubkey {
    return this.device.pubkey
  }

  get hasSlots(): boolean {
    return CLIENTS[this.client].publishes === 'slots'
  }

  /** How many were published since then, in seconds since the epoch. */
  publishedSince(from: number): number {
    this.#published = this.#published.filter((at) => at > from)
    return this.#published.length
  }

  /** Makes packages before they are needed. */
  async prepare(count: number): Promise<void> {
    while (this.#reserve.length < count) this.#reserve.push(await this.#make(this.#latest + 1))
  }

  /** The next package, made now if there is none in reserve. A slot's is newer than the one before it. */
  async next(now: number): Promise<readonly Supplied[]> {
    this.#published = [...this.#published, now]
    for (;;) {
      const made = this.#reserve.shift()
      if (made === undefined) return this.#make(Math.max(now, this.#latest + 1, this.deletedUntil + 1))
      const [first] = made
      if (first !== undefined && first.createdAt > this.deletedUntil) return made
    }
  }

  #make(createdAt: number): Promise<readonly Supplied[]> {
    this.#latest = createdAt
    return this.#supply.next(createdAt)
  }
}

/** Somebody who adds people to groups. */
export interface Inviter {
  readonly client: ClientName
  readonly device: Device
}

/** Somebody who takes whatever one key or one address can get. */
export interface Hoarder {
  readonly wants: (typeof WANTS)[number]
  readonly device: Device
}

export class People {
  readonly authors: readonly Author[]
  readonly ofOneTime: readonly Author[]
  readonly ofSlots: readonly Author[]
  /** Those of one-time packages who go on publishing. */
  readonly replenishing: readonly Author[]
  readonly inviters: readonly Inviter[]
  /** For each wish ten keys at one address, and one key at ten addresses. */
  readonly hoarders: readonly Hoarder[]
  readonly browsers: readonly Device[]

  private constructor(
    authors: readonly Author[],
    others: Pick<People, 'inviters' | 'hoarders' | 'browsers'>,
  ) {
    this.authors = authors
    this.ofOneTime = authors.filter(({ hasSlots }) => !hasSlots)
    this.ofSlots = authors.filter(({ hasSlots }) => hasSlots)
    this.replenishing = this.ofOneTime.filter(({ isDormant }) => !isDormant)
    this.inviters = others.inviters
    this.hoarders = others.hoarders
    this.browsers = others.browsers
  }

  /** @param onAsked is called when the server asks an author for more packages */
  static gather(settings: PeopleSettings, onAsked: (author: Author) => void): People {
    const { seed, urls, journal, now, lifetimeSeconds } = settings
    let devices = 0
    const device = (
      person: Person,
      auth: DeviceAuth,
      more: { address?: string; onAsked?: () => void } = {},
    ) => {
      const url = urls[devices % urls.length] ?? ''
      devices += 1
      return new Device({
        url,
        address: addressOf(devices),
        person,
        answersAuth: auth === 'answers',
        journal,
        ...more,
      })
    }
    const authors: Author[] = []
    for (let index = 0; index < settings.authors; index++) {
      const client = CLIENT_OF[(index * 37) % CLIENT_OF.length] ?? 'mdk'
      const somebody = person(`author ${seed} ${index}`)
      const auth = authOf(index, AUTHENTICATED_AUTHORS_OF_10)
      const itsDevice = device(somebody, auth, { onAsked: () => onAsked(author) })
      const isDormant = index % 10 >= 10 - DORMANT_AUTHORS_OF_10
      const author: Author = new Author({ client, device: itsDevice, now, lifetimeSeconds, isDormant })
      authors.push(author)
    }
    const inviters = Array.from({ length: settings.inviters }, (_, index) => {
      const client = CLIENT_OF[(index * 41) % CLIENT_OF.length] ?? 'mdk'
      const auth = authOf(index, AUTHENTICATED_INVITERS_OF_10)
      return { client, device: device(person(`inviter ${seed} ${index}`), auth) }
    })
    const hoarders = WANTS.flatMap((wants) => {
      const address = addressOf(++devices)
      return Array.from({ length: HOARDERS }, (_, index) => [
        { wants, device: device(person(`hoarder ${seed} ${wants} ${index}`), 'answers', { address }) },
        { wants, device: device(person(`hoarder ${seed} ${wants}`), 'answers') },
      ]).flat()
    })
    const browsers = Array.from({ length: BROWSERS }, (_, index) =>
      device(person(`browser ${seed} ${index}`), authOf(index, 5)),
    )
    return new People(authors, { inviters, hoarders, browsers })
  }

  get devices(): Device[] {
    const owned = [...this.authors, ...this.inviters, ...this.hoarders].map(({ device }) => device)
    return [...owned, ...this.browsers]
  }
}

type DeviceAuth = 'answers' | 'ignores'

function authOf(index: number, ofTen: number): DeviceAuth {
  return index % 10 < ofTen ? 'answers' : 'ignores'
}

/** One of IPv4 or, for every fourth device, a /64 of IPv6 in a /48 of its own. */
function addressOf(number: number): string {
  if (number % 4 === 3) return `2001:db8:${number.toString(16)}::1`
  return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`
}
