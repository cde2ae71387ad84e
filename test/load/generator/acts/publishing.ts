/** What authors do: publish and rotate key packages, delete them, send them again, and say where they are found. */

import { signEvent } from '../../../support/signing.ts'
import type { Device } from '../device.ts'
import type { Published } from '../judging/observations.ts'
import type { Author } from '../people.ts'
import type { Supplied } from '../supply.ts'
import { type Act, measure, nowSeconds, onClock, oneOf, someOf, stockOf, type World } from './world.ts'

/** What people do before a run begins. */
export const SETTLING_IN = 'settling in'
/** The counter of key packages that were stored. */
export const STORED = 'key packages stored'
/** Authors keep their stock at this, below the maximum of ten. */
const ENOUGH = 8
/** Of what the quota allows, so that it is seldom in the way. */
const QUOTA_USED = 0.9
/** Authors who are compared, to find one who needs packages. */
const LOOKED_AT = 12
const FOLLOWED = 10
/** Of what is published, when nobody is asked for packages: the rest are rotated slots. */
const ONE_TIME_SHARE = 0.6

/** Who is asked for packages publishes first, then who has few, or somebody rotates a slot. */
export const publishOne: Act = async (world, dueAt) => {
  const author = needy(world) ?? oneOf(world.people.ofSlots, world.fraction)
  await publishNext(world, author, dueAt)
}

function needy(world: World): Author | undefined {
  const { people, asked, fraction } = world
  for (let author = asked.shift(); author !== undefined; author = asked.shift())
    if (mayPublish(author, world)) return author
  if (fraction() >= ONE_TIME_SHARE) return undefined
  const [least] = someOf(people.replenishing, LOOKED_AT, fraction)
    .filter((author) => mayPublish(author, world))
    .map((author) => ({ author, stock: stockOf(author, world) }))
    .sort((one, other) => one.stock - other.stock)
  return least !== undefined && least.stock < ENOUGH ? least.author : undefined
}

function mayPublish(author: Author, { policy }: World): boolean {
  const { max, windowSeconds } = policy.publish
  return author.publishedSince(nowSeconds() - windowSeconds) < max * QUOTA_USED
}

/** What a client publishes at its first start: eight one-time packages, or one slot; its lists; and whom its user follows. */
export async function settleIn(world: World, author: Author): Promise<void> {
  const count = author.hasSlots || author.isDormant ? 1 : ENOUGH
  for (let number = 0; number < count; number++)
    await publishNext(world, author, performance.now(), SETTLING_IN)
  await publishList(world, author, SETTLING_IN)
  const { inviters } = world.people
  const contacts = someOf(inviters, FOLLOWED, world.fraction).map(({ device }) => device.pubkey)
  await publishOther(
    world,
    author.device,
    3,
    contacts.map((pubkey) => ['p', pubkey]),
    SETTLING_IN,
  )
}

async function publishNext(
  world: World,
  author: Author,
  dueAt: number,
  operation = operationOf(author),
): Promise<void> {
  const supplied = await author.next(nowSeconds())
  await Promise.all(supplied.map((each) => publish(world, author, author.device, each, operation, dueAt)))
}

function operationOf({ hasSlots }: Author): string {
  return hasSlots ? 'publish: rotate a slot' : 'publish: a one-time package'
}

async function publish(
  world: World,
  author: Author,
  device: Device,
  supplied: Supplied,
  operation: string,
  dueAt: number,
): Promise<Published['outcome']> {
  const { journal, policy } = world
  const { id, frame, ref: _, ...described } = supplied
  journal.knowPackage(id, author.pubkey, supplied.kind)
  const answer = await device.publish(id, frame)
  const { sentAt, answeredAt, message } = answer
  const isByAuthor = device.requester === author.pubkey
  const outcome = outcomeOf(answer.outcome, message)
  const { address } = device.settings
  const expiresAt = onClock(supplied.createdAt + policy.ttlSeconds)
  journal.published.push({ id, ...described, expiresAt, isByAuthor, address, sentAt, answeredAt, outcome })
  measure(world, operation, dueAt, answer)
  if (outcome !== 'stored') return outcome
  world.meters.count(STORED)
  if (supplied.slot !== undefined) author.slot = supplied.slot
  else if (!author.stored.includes(supplied)) keep(author, supplied, policy.ttlSeconds)
  return outcome
}

/** Without those that have expired, which nobody needs to remember. */
function keep(author: Author, supplied: Supplied, ttlSeconds: number): void {
  const from = nowSeconds() - ttlSeconds
  author.stored = [...author.stored.filter(({ createdAt }) => createdAt > from), supplied]
}

function outcomeOf(outcome: 'accepted' | 'refused' | 'lost', message: string): Published['outcome'] {
  if (outcome === 'lost') return 'unknown'
  if (outcome === 'refused') return 'refused'
  return message.startsWith('duplicate:') ? 'known' : 'stored'
}

/** A package that was stored once, used or deleted since or not, is sent again: by its author, or by somebody's mirror (I3). */
export const publishAgain: Act = async (world, dueAt) => {
  const { people, fraction } = world
  const author = oneOf(people.replenishing, fraction)
  if (author.stored.length === 0) return
  const device = fraction() < 0.5 ? author.device : oneOf(people.browsers, fraction)
  await publish(world, author, device, oneOf(author.stored, fraction), 'publish: again', dueAt)
}

/** An author deletes a one-time package, or a slot. */
export const deleteOne: Act = async (world, dueAt) => {
  const { people, fraction } = world
  const author = fraction() < 0.7 ? oneOf(people.replenishing, fraction) : oneOf(people.ofSlots, fraction)
  const createdAt = nowSeconds()
  const supplied = author.hasSlots || author.stored.length === 0 ? undefined : oneOf(author.stored, fraction)
  const slots = author.slot === undefined ? [] : [author.slot]
  const ids = supplied === undefined ? [] : [supplied.id]
  if (ids.length + slots.length === 0) return
  if (slots.length > 0) author.deletedUntil = createdAt
  author.slot = undefined
  const tags = [
    ...ids.map((id) => ['e', id]),
    ...slots.map((slot) => ['a', `30443:${author.pubkey}:${slot}`]),
    ['k', slots.length > 0 ? '30443' : '443'],
  ]
  const event = signEvent(author.device.settings.person.secretKey, {
    kind: 5,
    created_at: createdAt,
    tags,
    content: '',
  })
  const answer = await author.device.publish(event.id, JSON.stringify(['EVENT', event]))
  const { sentAt, answeredAt } = answer
  const outcome = answer.outcome === 'lost' ? 'unknown' : answer.outcome
  world.journal.deleted.push({ author: author.pubkey, ids, slots, createdAt, sentAt, answeredAt, outcome })
  measure(world, 'deletion', dueAt, answer)
  for (const id of ids) world.gone.add(id)
}

/** Where an author's key packages are, or their inbox. */
export const publishRelayList: Act = (world, dueAt) =>
  publishList(world, oneOf(world.people.authors, world.fraction), 'relay list', dueAt)

async function publishList(world: World, author: Author, operation: string, dueAt?: number): Promise<void> {
  const kind = oneOf([10002, 10050, 10051], world.fraction)
  const tag = kind === 10002 ? 'r' : 'relay'
  const tags = [
    [tag, 'wss://relay.example.com'],
    [tag, 'wss://inbox.example.com'],
  ]
  await publishOther(world, author.device, kind, tags, operation, dueAt)
}

export async function publishOther(
  world: World,
  device: Device,
  kind: number,
  tags: string[][],
  operation: string,
  dueAt = performance.now(),
): Promise<void> {
  const content = kind === 1 ? `a note of ${dueAt}, as people write them all day long` : ''
  const { secretKey } = device.settings.person
  const event = signEvent(secretKey, { kind, created_at: nowSeconds(), tags, content })
  const answer = await device.publish(event.id, JSON.stringify(['EVENT', event]))
  measure(world, operation, dueAt, answer)
}
