/** The demo's story: what happens, step by step, and what must be true after each. */

import assert from 'node:assert/strict'
import type { CiphersuiteImpl, ClientState } from 'ts-mls'
import { type CompleteKeyPackage, generateKeyPackage } from '../../client/mls.ts'
import type { ReceivedKeyPackage } from '../../client/verify.ts'
import { decrypt, encrypt, joinFrom, openGroupWith } from './mls.ts'
import { askPlainly, type Person } from './person.ts'

/** Who and what the story is about. */
export interface Scene {
  readonly url: string
  readonly suite: CiphersuiteImpl
  readonly alice: Person
  readonly bob: Person
  readonly carol: Person
  readonly crowd: readonly Person[]
  /** What Alice keeps of the key packages she published, by KeyPackageRef. */
  readonly published: Map<string, CompleteKeyPackage>
  /** The packages that were claimed, in order. */
  readonly claimed: ReceivedKeyPackage[]
  groups?: { bob: ClientState; alice: ClientState }
}

export interface Step {
  readonly title: string
  /** Resolves with what to tell about it; rejects where the step did not hold. */
  readonly play: (scene: Scene) => Promise<readonly string[]>
}

const PACKAGES = 5
const QUOTA = 10

export const story: readonly Step[] = [
  { title: 'Alice publishes five key packages', play: publishKeyPackages },
  { title: 'She says where they are: her relay list (kind 10051)', play: publishRelayList },
  { title: 'Bob wants to talk to Alice, and claims one', play: (scene) => claimFor(scene.bob, scene) },
  { title: 'Carol claims one too, and gets another', play: (scene) => claimFor(scene.carol, scene) },
  { title: 'Bob opens an MLS group and adds Alice with hers', play: addAlice },
  { title: 'They talk, and both can read it', play: talk },
  { title: 'The key package that Bob used is published again', play: publishAgain },
  { title: 'A crowd comes, until only the last key package is left', play: drain },
  { title: 'The last one is still served, again and again', play: serveLast },
  { title: 'Bob asks too often', play: exceedQuota },
  { title: 'Somebody wants to see everybody', play: browse },
]

async function publishKeyPackages({ alice, suite, published }: Scene): Promise<string[]> {
  const made = await Promise.all(Array.from({ length: PACKAGES }, () => generate(alice, suite)))
  const publications = await alice.client.publishKeyPackages(
    made.map(({ publicPackage }) => publicPackage),
    { tags: [['-']] },
  )
  for (const [index, { ref, acceptedBy, refusals, unanswered }] of publications.entries()) {
    const own = made[index]
    const [otherwise] = [...refusals, ...unanswered]
    assert(own !== undefined && acceptedBy.length === 1, `not published: ${otherwise?.message}`)
    published.set(ref, own)
  }
  await expectCount(alice, PACKAGES)
  return [[...published.keys()].map(short).join('  ')]
}

async function publishRelayList({ alice, bob }: Scene): Promise<string[]> {
  await alice.client.publishRelayList()
  const { source, relays } = await bob.client.discover(alice.pubkey)
  assert(source === 'key package relay list', 'Bob does not find the relay list')
  return [`Bob finds it: ${relays}`]
}

async function claimFor(person: Person, scene: Scene): Promise<string[]> {
  const received = await claim(person, scene)
  assert(
    scene.claimed.every(({ ref }) => ref !== received.ref),
    'the same key package was handed out twice',
  )
  scene.claimed.push(received)
  return [`${person.name} gets ${short(received.ref)}, signed by Alice and as she signed it`]
}

async function addAlice(scene: Scene): Promise<string[]> {
  const { bob, suite, published, claimed } = scene
  const [received] = claimed
  const alicesOwn = published.get(received?.ref ?? '')
  assert(received !== undefined && alicesOwn !== undefined, 'Alice did not publish what Bob claimed')
  const opened = await openGroupWith(received.bytes, await generate(bob, suite), suite)
  const joined = await joinFrom(opened.message, alicesOwn, suite)
  scene.groups = { bob: opened.group, alice: joined }
  return [`Alice joins from the Welcome (${opened.message.length} bytes)`]
}

async function talk({ groups, suite }: Scene): Promise<string[]> {
  assert(groups !== undefined, 'there is no group to talk in')
  const question = 'Hello Alice, you need not do a thing to be added.'
  const answer = 'Here I am.'
  const asked = await encrypt(groups.bob, question, suite)
  assert((await decrypt(groups.alice, asked.message, suite)) === question, 'Alice reads something else')
  const answered = await encrypt(groups.alice, answer, suite)
  assert((await decrypt(groups.bob, answered.message, suite)) === answer, 'Bob reads something else')
  return [`Bob:   ${question}`, `Alice: ${answer}`]
}

async function publishAgain({ alice, claimed }: Scene): Promise<string[]> {
  const [used] = claimed
  assert(used !== undefined, 'nothing was claimed')
  const [{ acceptedBy } = { acceptedBy: [] }] = await alice.client.publishKeyPackages([used.bytes])
  const message = acceptedBy[0]?.message ?? ''
  assert(message.startsWith('duplicate:'), `a used key package came back: ${message}`)
  await expectCount(alice, PACKAGES - claimed.length)
  return [`the relay says "${message}", and does not hand it out again`]
}

async function drain(scene: Scene): Promise<string[]> {
  const lines: string[] = []
  for (const person of scene.crowd.slice(0, PACKAGES - scene.claimed.length - 1)) {
    lines.push(...(await claimFor(person, scene)))
  }
  await expectCount(scene.alice, 1)
  return lines
}

async function serveLast(scene: Scene): Promise<string[]> {
  const people = scene.crowd.slice(-2)
  const received: ReceivedKeyPackage[] = []
  for (const person of people) received.push(await claim(person, scene))
  const [last] = received
  assert(last !== undefined && !scene.claimed.some(({ ref }) => ref === last.ref), 'this one was used before')
  assert(
    received.every(({ ref }) => ref === last.ref),
    'there was more than one left',
  )
  await expectCount(scene.alice, 1)
  return [
    `${people.map(({ name }) => name).join(' and ')} both get ${short(last.ref)}; Alice can always be reached`,
  ]
}

async function exceedQuota(scene: Scene): Promise<string[]> {
  for (let query = 2; query <= QUOTA; query += 1) await claim(scene.bob, scene)
  const { rateLimited } = await scene.bob.client.queryKeyPackages([scene.alice.pubkey])
  const [limit] = rateLimited
  assert(limit !== undefined, `query ${QUOTA + 1} is not refused`)
  return [`${QUOTA} queries are answered, then Bob is to wait for ${limit.retryAfterSeconds} s`]
}

async function browse({ url }: Scene): Promise<string[]> {
  const { events, end } = await askPlainly(url, { kinds: [443] })
  const message = end.by === 'closed' ? end.message : ''
  assert(events.length === 0 && message.startsWith('restricted:'), `browsing is not refused: ${message}`)
  return [`the relay says "${message}"`]
}

/** The one package that a claim brings; the client has checked whose it is. */
async function claim({ name, client }: Person, { alice }: Scene): Promise<ReceivedKeyPackage> {
  const { packages, rateLimited, unanswered, rejected } = await client.queryKeyPackages([alice.pubkey])
  const [received, ...more] = packages.get(alice.pubkey) ?? []
  const otherwise = () => JSON.stringify({ more: more.length, rateLimited, unanswered, rejected })
  assert(received !== undefined && more.length === 0, `${name} got ${otherwise()}`)
  return received
}

function generate({ pubkey }: Person, ciphersuite: CiphersuiteImpl): Promise<CompleteKeyPackage> {
  return generateKeyPackage({ pubkey, ciphersuite })
}

/** Only Alice may count her key packages. */
async function expectCount({ client }: Person, expected: number): Promise<void> {
  const [stock] = await client.countKeyPackages()
  assert(
    stock !== undefined && 'count' in stock && stock.count === expected,
    `of Alice's key packages there should be ${expected}: ${JSON.stringify(stock)}`,
  )
}

function short(id: string): string {
  return `${id.slice(0, 8)}…`
}
