/** The demo's story: its people, its steps, and what must be true after each step. */

import assert from 'node:assert/strict'
import { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Filter } from 'nostr-tools/filter'
import { generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure'
import { PlainKeySigner } from 'nostr-tools/signer'
import type { CiphersuiteImpl, ClientState } from 'ts-mls'
import { WebSocket } from 'ws'
import { KeyPackageClient } from '../../client/client.ts'
import { getKeyPackageBytes } from '../../client/events.ts'
import { generateKeyPackage } from '../../client/generate.ts'
import type { CompleteKeyPackage } from '../../client/mls.ts'
import type { KeyPackageResult } from '../../client/query.ts'
import { type Reply, requestEvents } from '../../client/request.ts'
import { systemTime } from '../../client/time.ts'
import type { ReceivedKeyPackage } from '../../client/verify.ts'
import { safeWebSocket } from '../../client/web-socket.ts'
import { decrypt, encrypt, joinFrom, openGroupWith } from './mls.ts'

/** Somebody with a Nostr key and an ordinary client for key packages. */
interface Person {
  readonly name: string
  readonly pubkey: string
  readonly client: KeyPackageClient
}

/** The people of the story, and what they have done so far. */
export interface Scene {
  readonly url: string
  readonly suite: CiphersuiteImpl
  readonly alice: Person
  readonly bob: Person
  readonly carol: Person
  readonly crowd: readonly Person[]
  /** The key packages that Alice published, with their private keys, by KeyPackageRef. */
  readonly published: Map<string, CompleteKeyPackage>
  /** The packages claimed so far, in order. */
  readonly claimed: ReceivedKeyPackage[]
  groups?: { bob: ClientState; alice: ClientState }
}

export interface Step {
  readonly title: string
  /** Resolves with the lines to print; rejects where something is not as it must be. */
  readonly play: (scene: Scene) => Promise<readonly string[]>
}

const PACKAGES = 5
const QUOTA = 10

export const story: readonly Step[] = [
  { title: 'Alice publishes five key packages', play: publishKeyPackages },
  { title: 'She publishes her relay list (kind 10051), which says where they are', play: publishRelayList },
  { title: 'Bob wants to message Alice and claims one', play: (scene) => claimFor(scene.bob, scene) },
  { title: 'Carol claims one too and gets a different one', play: (scene) => claimFor(scene.carol, scene) },
  { title: 'Bob creates an MLS group and adds Alice with her key package', play: addAlice },
  { title: 'They exchange messages, and both can read them', play: talk },
  { title: 'The key package that Bob used is published again', play: publishAgain },
  { title: 'More people claim, until only the last key package is left', play: drain },
  { title: 'The last one is handed out again and again', play: serveLast },
  { title: 'Bob asks too often', play: exceedQuota },
  { title: 'Somebody asks for the key packages of everybody', play: browse },
]

export function createPerson(name: string, url: string): Person {
  const secretKey = generateSecretKey()
  const signer = new PlainKeySigner(secretKey)
  const client = new KeyPackageClient({ relays: [url], signer, WebSocket })
  return { name, pubkey: getPublicKey(secretKey), client }
}

async function publishKeyPackages({ alice, suite, published }: Scene): Promise<string[]> {
  const made = await Promise.all(Array.from({ length: PACKAGES }, () => generate(alice, suite)))
  const publications = await alice.client.publishKeyPackages(
    made.map(({ publicPackage }) => publicPackage),
    { tags: [['-']] },
  )
  for (const [index, { ref, outcome, relays }] of publications.entries()) {
    const own = made[index]
    assert(own !== undefined && outcome === 'accepted', `not published: ${relays[0]?.message}`)
    published.set(ref, own)
  }
  await expectCount(alice, PACKAGES)
  return [[...published.keys()].map(short).join('  ')]
}

async function publishRelayList({ alice, bob }: Scene): Promise<string[]> {
  await alice.client.publishRelayList()
  const { keyPackageRelays } = await bob.client.discover(alice.pubkey)
  assert(keyPackageRelays.length === 1, 'Bob cannot find the relay list')
  return [`Bob finds it: ${keyPackageRelays}`]
}

async function claimFor(person: Person, scene: Scene): Promise<string[]> {
  const received = await claim(person, scene)
  assert(
    scene.claimed.every(({ ref }) => ref !== received.ref),
    'the same key package was handed out twice',
  )
  scene.claimed.push(received)
  return [`${person.name} gets ${short(received.ref)}, exactly as Alice signed it`]
}

async function addAlice(scene: Scene): Promise<string[]> {
  const { bob, suite, published, claimed } = scene
  const [received] = claimed
  const alicesOwn = published.get(received?.ref ?? '')
  assert(received !== undefined && alicesOwn !== undefined, 'Alice did not publish what Bob claimed')
  const opened = await openGroupWith(getKeyPackageBytes(received.event), await generate(bob, suite), suite)
  const joined = await joinFrom(opened.message, alicesOwn, suite)
  scene.groups = { bob: opened.group, alice: joined }
  return [`Alice joins from the Welcome (${opened.message.length} bytes)`]
}

async function talk({ groups, suite }: Scene): Promise<string[]> {
  assert(groups !== undefined, 'there is no group')
  const question = 'Hello Alice, you did not have to do anything to be added.'
  const answer = 'Hello Bob, I can read this.'
  const asked = await encrypt(groups.bob, question, suite)
  assert((await decrypt(groups.alice, asked.message, suite)) === question, 'Alice reads a different message')
  const answered = await encrypt(groups.alice, answer, suite)
  assert((await decrypt(groups.bob, answered.message, suite)) === answer, 'Bob reads a different message')
  return [`Bob:   ${question}`, `Alice: ${answer}`]
}

async function publishAgain({ alice, claimed }: Scene): Promise<string[]> {
  const [used] = claimed
  assert(used !== undefined, 'nothing was claimed')
  const [published] = await alice.client.publishKeyPackages([getKeyPackageBytes(used.event)])
  const message = published?.relays[0]?.message ?? ''
  assert(message.startsWith('duplicate:'), `a used key package came back: ${message}`)
  await expectCount(alice, PACKAGES - claimed.length)
  return [`the relay answers "${message}" and does not hand it out again`]
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
  assert(
    last !== undefined && !scene.claimed.some(({ ref }) => ref === last.ref),
    'this one was claimed before',
  )
  assert(
    received.every(({ ref }) => ref === last.ref),
    'more than one was left',
  )
  await expectCount(scene.alice, 1)
  return [
    `${people.map(({ name }) => name).join(' and ')} both get ${short(last.ref)}; Alice can always be added to a group`,
  ]
}

async function exceedQuota(scene: Scene): Promise<string[]> {
  for (let query = 2; query <= QUOTA; query += 1) await claim(scene.bob, scene)
  const result = await query(scene.bob, scene.alice)
  assert(result?.outcome === 'limited', `query ${QUOTA + 1} was not refused`)
  return [`${QUOTA} queries are answered, then Bob must wait ${result.retryAfterSeconds} s`]
}

async function browse({ url }: Scene): Promise<string[]> {
  const { events, end } = await askWithoutClient(url, { kinds: [443] })
  const message = end.by === 'closed' ? end.message : ''
  assert(events.length === 0 && message.startsWith('restricted:'), `the query was not refused: ${message}`)
  return [`the relay answers "${message}"`]
}

/** Claims one package. The client checks that it is Alice's. */
async function claim(person: Person, { alice }: Scene): Promise<ReceivedKeyPackage> {
  const result = await query(person, alice)
  const [received, ...more] = result?.outcome === 'delivered' ? result.packages : []
  assert(received !== undefined && more.length === 0, `${person.name} got ${JSON.stringify(result)}`)
  return received
}

async function query({ client }: Person, author: Person): Promise<KeyPackageResult | undefined> {
  const { results } = await client.queryKeyPackages([author.pubkey])
  return results[0]
}

function generate({ pubkey }: Person, ciphersuite: CiphersuiteImpl): Promise<CompleteKeyPackage> {
  return generateKeyPackage({ pubkey, ciphersuite })
}

/** Checks how many key packages Alice has left; only she may count them. */
async function expectCount({ client }: Person, expected: number): Promise<void> {
  const [stock] = await client.countKeyPackages()
  assert(
    stock?.outcome === 'counted' && stock.count === expected,
    `Alice should have ${expected} key packages: ${JSON.stringify(stock)}`,
  )
}

function short(id: string): string {
  return `${id.slice(0, 8)}…`
}

/** Sends a query as somebody without a client for key packages. */
async function askWithoutClient(url: string, filter: Filter): Promise<Reply> {
  const relay = new AbstractRelay(url, { verifyEvent, websocketImplementation: safeWebSocket(WebSocket) })
  relay.onnotice = () => undefined
  await relay.connect()
  // The reason of a refusal follows the EOSE.
  const reply = await requestEvents(relay, [filter], { time: systemTime, timeoutMs: 10_000 }, () => false)
  relay.close()
  return reply
}
