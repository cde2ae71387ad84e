/** Every way round a claim that people try (I4), and what else passes through a relay: notes, and queries of them. */

import type { Question } from '../open-request.ts'
import { publishOther } from './publishing.ts'
import { type Act, oneOf, reasonIn, type World } from './world.ts'

/** A message of protocol version 1 (NIP-77) that asks for everything. */
const NEGENTROPY = '61000000'
/** So many who browse leave a live feed open. */
const FEED_SHARE = 0.05

type Way = (world: World) => Question

/** Some package that is somewhere: used, deleted, in the stock, or in the relay behind. */
function somePackage({ people, fraction, buried }: World): string {
  const { stored } = oneOf(people.ofOneTime, fraction)
  const ids = [...buried.slice(0, 1), ...stored.map(({ id }) => id)]
  return ids.length === 0 ? '0'.repeat(64) : oneOf(ids, fraction)
}

const someAuthor = ({ people, fraction }: World) => oneOf(people.authors, fraction).pubkey
const req = (way: string, ...filters: readonly object[]): Question => ({ verb: 'REQ', filters, way })

const WAYS: readonly Way[] = [
  () => req('a query without authors', { kinds: [443, 30443] }),
  () => req('a query of notes and packages without authors', { kinds: [1, 443, 30443], limit: 20 }),
  (world) => req('a query by id', { ids: [somePackage(world)] }),
  (world) => req('a query by id and kind', { ids: [somePackage(world)], kinds: [443, 30443] }),
  (world) => req('a query of all kinds of an author', { authors: [someAuthor(world)], limit: 20 }),
  () => req('a query by tag', { kinds: [443, 30443], '#mls_ciphersuite': ['0x0001'] }),
  () => req('a query by encoding', { '#encoding': ['base64'], limit: 20 }),
  (world) => req('a query by p tag', { kinds: [443], '#p': [someAuthor(world)] }),
  () => req('a query by time', { since: 0, limit: 20 }),
  (world) => ({ verb: 'COUNT', filters: [{ kinds: [443], authors: [someAuthor(world)] }], way: 'COUNT' }),
  (world) => ({ verb: 'COUNT', filters: [{ authors: [someAuthor(world)] }], way: 'COUNT' }),
  (world) => ({
    verb: 'NEG-OPEN',
    filters: [{ kinds: [443, 30443], authors: [someAuthor(world)] }],
    rest: [NEGENTROPY],
    way: 'NEG-OPEN',
  }),
]

export const browse: Act = async (world, dueAt) => {
  const { people, fraction, meters, journal } = world
  const device = oneOf(people.browsers, fraction)
  const isFeed = fraction() < FEED_SHARE
  if (isFeed) device.cut()
  const question: Question = isFeed
    ? { ...req('a live feed', { kinds: [1, 443, 30443], limit: 0 }, { limit: 0 }), stays: 'open' }
    : oneOf(WAYS, fraction)(world)
  const { message, outcome } = await device.ask(question)
  meters.ended('browsing', dueAt, outcome)
  const [verb, , said] = message ?? []
  if (verb === 'COUNT' || verb === 'NEG-MSG') {
    const way = `an answer to ${question.way}: ${JSON.stringify(said)}`
    journal.sighted.push({
      id: 'unknown',
      author: 'unknown',
      kind: 443,
      way,
      isPush: false,
      at: performance.now(),
    })
  }
  if (verb === 'CLOSED' || verb === 'NEG-ERR') meters.failed('browsing', reasonIn(String(said)))
}

export const writeNote: Act = (world, dueAt) => {
  const { device } = oneOf(world.people.inviters, world.fraction)
  return publishOther(world, device, 1, [], 'note', dueAt)
}

export const readNotes: Act = async (world, dueAt) => {
  const { people, fraction, meters } = world
  const authors = Array.from({ length: 20 }, () => oneOf(people.inviters, fraction).device.pubkey)
  const question = req('a query of notes', { kinds: [1], authors, limit: 20 })
  const { outcome } = await oneOf(people.inviters, fraction).device.ask(question)
  meters.ended('query of notes', dueAt, outcome)
}
