/** What people ask who want to talk to authors: the real questions of each client (CLIENTS says which), and of hoarders. */

import type { Pubkey } from '../../../../plugin/nostr/messages.ts'
import type { Device } from '../device.ts'
import type { Author, Inviter } from '../people.ts'
import type { ClientName } from '../supply.ts'
import { type Act, noteTaken, oneOf, reasonIn, someOf, type World } from './world.ts'

/** The counter of authors whom invitations asked for. */
export const CLAIMED_AUTHORS = 'authors in invitations'
/** Members of a group besides the one who creates it. */
const MOST_MEMBERS = 149
/** Clients that ask for one author at a time make small groups. */
const MOST_ONE_BY_ONE = 8
/** Authors whom a hoarder asks for in one REQ. */
const FEW = 6
const EVERYBODY = 60
const MDK_AUTHORS = 32
const MDK_CONTACTS = 200
/** Of these, so many have a slot. */
const CONTACTS_WITH_SLOTS = 20

/** How a client asks for those whom it is about to add. */
interface Asking {
  readonly kinds: readonly number[]
  /** Authors in one REQ. */
  readonly atOnce: number
  readonly limit?: (authors: number) => number
  readonly more?: object
}

const ASKING: Readonly<Record<ClientName, Asking>> = {
  loxation: { kinds: [443], atOnce: MOST_MEMBERS, more: { '#f': ['base64'] } },
  pika: { kinds: [443], atOnce: 1, limit: () => 1 },
  paytaca: { kinds: [443], atOnce: MOST_MEMBERS },
  whitenoise: { kinds: [30443, 443], atOnce: 1 },
  'marmot-ts': { kinds: [30443], atOnce: 1, limit: () => 50 },
  amethyst: { kinds: [30443], atOnce: 1 },
  mdk: { kinds: [30443], atOnce: MDK_AUTHORS, limit: (authors) => 12 * authors },
}

/** Somebody creates a group, or adds one person to it. */
export const invite: Act = async (world, dueAt) => {
  const inviter = oneOf(world.people.inviters, world.fraction)
  await inviteAll(world, inviter, membersOf(world, inviter), dueAt)
}

/** How many authors an invitation asks for on average, by which a rate of claims becomes one of invitations. */
export function membersOnAverage(clients: readonly ClientName[], fraction: () => number): number {
  const draws = 20_000
  let sum = 0
  for (let draw = 0; draw < draws; draw++) sum += groupSize(oneOf(clients, fraction), fraction)
  return sum / draws
}

/** Groups of two are common, and those of 150 rare: half as many are twice as large. */
function groupSize(client: ClientName, fraction: () => number): number {
  const most = ASKING[client].atOnce === 1 ? MOST_ONE_BY_ONE : MOST_MEMBERS
  return Math.min(most, Math.floor(1 / (1 - fraction() * (1 - 1 / (most + 1)))))
}

/** Most of them publish what the client asks for; it cannot know. */
function membersOf({ people, fraction }: World, { client }: Inviter): Author[] {
  const { kinds } = ASKING[client]
  const [kind] = kinds
  const usual = kind === 443 ? people.ofOneTime : people.ofSlots
  const asked = kinds.length > 1 || fraction() < 0.1 ? people.authors : usual
  return someOf(asked, groupSize(client, fraction), fraction)
}

async function inviteAll(
  world: World,
  { client, device }: Inviter,
  members: readonly Author[],
  dueAt: number,
): Promise<void> {
  const { kinds, atOnce, limit, more } = ASKING[client]
  const authors = members.map(({ pubkey }) => pubkey)
  const operation = `claim of ${kinds.includes(443) ? '443' : 'slots'}${kinds.length > 1 ? ' and slots' : ''}`
  const questions: Promise<void>[] = []
  for (let from = 0; from < authors.length; from += atOnce) {
    const some = authors.slice(from, from + atOnce)
    const limited = limit === undefined ? {} : { limit: limit(some.length) }
    world.meters.count(CLAIMED_AUTHORS, some.length)
    questions.push(claim(world, device, some, { kinds, ...limited, ...more }, operation, dueAt))
  }
  await Promise.all(questions)
}

async function claim(
  world: World,
  device: Device,
  authors: readonly Pubkey[],
  filter: { readonly kinds: readonly number[] },
  operation: string,
  dueAt: number,
): Promise<void> {
  const { meters } = world
  const claim = { authors, kinds: filter.kinds }
  const ended = await device.ask({ verb: 'REQ', filters: [{ ...filter, authors }], claim, way: operation })
  noteTaken(world, ended.delivered)
  meters.ended(operation, dueAt, ended.outcome)
  if (ended.message?.[0] === 'CLOSED') meters.failed(operation, reasonIn(String(ended.message[2])))
}

/** Until a quota stops them, and on after that. */
export const hoard: Act = async (world, dueAt) => {
  const { people, fraction } = world
  const { device, wants } = oneOf(people.hoarders, fraction)
  const few = people.ofOneTime.slice(0, FEW)
  const authors = wants === 'the same few' ? few : someOf(people.ofOneTime, EVERYBODY, fraction)
  const pubkeys = authors.map(({ pubkey }) => pubkey)
  await claim(world, device, pubkeys, { kinds: [443] }, `hoarding ${wants}`, dueAt)
}

/** A phone that has lost its network connects again, and asks what its client asks at every start. */
export const reconnect: Act = async (world, dueAt) => {
  const { people, fraction, meters } = world
  const author = oneOf(people.authors, fraction)
  const { device } = author
  device.cut()
  const own = { kinds: [author.hasSlots ? 30443 : 443], authors: [author.pubkey] }
  const mine = author.slot === undefined ? {} : { '#d': [author.slot] }
  const claim = { authors: own.authors, kinds: own.kinds }
  const { outcome } = await device.ask({
    verb: 'REQ',
    filters: [{ ...own, ...mine }],
    claim,
    way: 'a readback',
  })
  meters.ended('a phone reconnects', dueAt, outcome)
}

/** mdk asks at every start for all of its contacts, and leaves the subscription open. */
export const startWithContacts: Act = async (world, dueAt) => {
  const { people, fraction, meters } = world
  const { device } = oneOf(
    people.inviters.filter(({ client }) => client === 'mdk'),
    fraction,
  )
  device.cut()
  const withSlots = someOf(people.ofSlots, CONTACTS_WITH_SLOTS, fraction).map(({ pubkey }) => pubkey)
  const others = someOf(people.inviters, MDK_CONTACTS - withSlots.length, fraction)
  const authors = [...withSlots, ...others.map((other) => other.device.pubkey)]
  const filters = [{ kinds: [0, 10002, 10050, 30443], authors }]
  const claim = { authors, kinds: [30443] }
  const { outcome } = await device.ask({ verb: 'REQ', filters, claim, way: 'a start', stays: 'open' })
  meters.ended('start with 200 contacts', dueAt, outcome)
}
