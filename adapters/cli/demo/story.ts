/** The demo's story: what happens, step by step, and what must be true after each. */

import type { Event } from 'nostr-tools/core'
import { verifyEvent } from 'nostr-tools/pure'
import type { CiphersuiteImpl, ClientState } from 'ts-mls'
import { decrypt, encrypt, joinFrom, makeKeyPackage, type OwnKeyPackage, openGroupWith } from './mls.ts'
import type { Person } from './person.ts'

/** Who and what the story is about. */
export interface Scene {
  readonly url: string
  readonly suite: CiphersuiteImpl
  readonly alice: Person
  readonly bob: Person
  readonly carol: Person
  readonly crowd: readonly Person[]
  /** Seconds since the epoch. */
  readonly now: number
  /** What Alice keeps of the key packages she published, by event id. */
  readonly published: Map<string, OwnKeyPackage>
  /** The events that were claimed, in order. */
  readonly claimed: Event[]
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

async function publishKeyPackages({ alice, url, now, suite, published }: Scene): Promise<string[]> {
  for (let index = 0; index < PACKAGES; index += 1) {
    const own = await makeKeyPackage(alice.pubkey, now, suite)
    const event = alice.sign({
      kind: 443,
      created_at: now - PACKAGES + index,
      tags: [
        ['mls_protocol_version', '1.0'],
        ['mls_ciphersuite', '0x0001'],
        ['mls_extensions', '0xf2ee', '0x000a'],
        ['encoding', 'base64'],
        ['relays', url],
        ['-'],
      ],
      content: Buffer.from(own.bytes).toString('base64'),
    })
    await alice.publish(event)
    published.set(event.id, own)
  }
  await expectCount(alice, PACKAGES)
  return [[...published.keys()].map(short).join('  ')]
}

async function publishRelayList({ alice, bob, url, now }: Scene): Promise<string[]> {
  const event = alice.sign({ kind: 10051, created_at: now, tags: [['relay', url]], content: '' })
  await alice.publish(event)
  const { events } = await bob.ask({ kinds: [10051], authors: [alice.pubkey] })
  expect(events.length === 1 && events[0]?.id === event.id, 'Bob does not find the relay list')
  return [`Bob finds it: ${url}`]
}

async function claimFor(person: Person, scene: Scene): Promise<string[]> {
  const event = await claim(person, scene)
  expect(
    scene.claimed.every(({ id }) => id !== event.id),
    'the same key package was handed out twice',
  )
  scene.claimed.push(event)
  return [`${person.name} gets ${short(event.id)}, signed by Alice and as she signed it`]
}

async function addAlice(scene: Scene): Promise<string[]> {
  const { bob, now, suite, published, claimed } = scene
  const [event] = claimed
  const alicesOwn = published.get(event?.id ?? '')
  expect(event !== undefined && alicesOwn !== undefined, 'Alice did not publish what Bob claimed')
  const bobsOwn = await makeKeyPackage(bob.pubkey, now, suite)
  const opened = await openGroupWith(Buffer.from(event.content, 'base64'), bobsOwn, suite)
  const joined = await joinFrom(opened.message, alicesOwn, suite)
  scene.groups = { bob: opened.group, alice: joined }
  return [`Alice joins from the Welcome (${opened.message.length} bytes)`]
}

async function talk({ groups, suite }: Scene): Promise<string[]> {
  expect(groups !== undefined, 'there is no group to talk in')
  const question = 'Hello Alice, you need not do a thing to be added.'
  const answer = 'Here I am.'
  const asked = await encrypt(groups.bob, question, suite)
  expect((await decrypt(groups.alice, asked.message, suite)) === question, 'Alice reads something else')
  const answered = await encrypt(groups.alice, answer, suite)
  expect((await decrypt(groups.bob, answered.message, suite)) === answer, 'Bob reads something else')
  return [`Bob:   ${question}`, `Alice: ${answer}`]
}

async function publishAgain({ alice, claimed }: Scene): Promise<string[]> {
  const [used] = claimed
  expect(used !== undefined, 'nothing was claimed')
  const message = await alice.publish(used)
  expect(message.startsWith('duplicate:'), `a used key package came back: ${message}`)
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
  const events: Event[] = []
  for (const person of people) events.push(await claim(person, scene))
  const [last] = events
  expect(last !== undefined && !scene.claimed.some(({ id }) => id === last.id), 'this one was used before')
  expect(
    events.every(({ id }) => id === last.id),
    'there was more than one left',
  )
  await expectCount(scene.alice, 1)
  return [
    `${people.map(({ name }) => name).join(' and ')} both get ${short(last.id)}; Alice can always be reached`,
  ]
}

async function exceedQuota(scene: Scene): Promise<string[]> {
  for (let query = 2; query <= QUOTA; query += 1) await claim(scene.bob, scene)
  const { refusal = '' } = await scene.bob.ask(claimFilter(scene))
  expect(refusal.startsWith('rate-limited:'), `query ${QUOTA + 1} is not refused: ${refusal}`)
  return [`${QUOTA} queries are answered, then: "${refusal}"`]
}

async function browse({ carol }: Scene): Promise<string[]> {
  const { events, refusal = '' } = await carol.ask({ kinds: [443] })
  expect(events.length === 0 && refusal.startsWith('restricted:'), `browsing is not refused: ${refusal}`)
  return [`the relay says "${refusal}"`]
}

/** The one event that a claim brings, with its signature checked. */
async function claim(person: Person, scene: Scene): Promise<Event> {
  const { events, refusal } = await person.ask(claimFilter(scene))
  const [event] = events
  expect(
    event !== undefined && events.length === 1,
    `${person.name} got ${refusal ?? `${events.length} events`}`,
  )
  // A fresh copy: nostr-tools remembers in the event itself what it verified.
  expect(verifyEvent(JSON.parse(JSON.stringify(event))), `${person.name} got a wrong signature`)
  expect(event.pubkey === scene.alice.pubkey, `${person.name} got somebody else's key package`)
  return event
}

function claimFilter({ alice }: Scene): { kinds: number[]; authors: string[]; '#f': string[] } {
  return { kinds: [443], authors: [alice.pubkey], '#f': ['base64'] }
}

/** Only Alice may count her key packages. */
async function expectCount(alice: Person, expected: number): Promise<void> {
  const count = await alice.count({ kinds: [443], authors: [alice.pubkey] })
  expect(count === expected, `Alice has ${count} key packages left, not ${expected}`)
}

function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}

function short(id: string): string {
  return `${id.slice(0, 8)}…`
}
