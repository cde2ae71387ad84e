/** Asks every question about an author with a past, and notes what was answered, and what that took. */

import type { RelayMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { Client } from '../../support/client.ts'
import { authEvent } from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../support/key-packages.ts'
import type { Person } from '../../support/people.ts'
import type { ControlledTarget } from '../behaviour/scene.ts'
import { ASKED_AFTER, author, type Past, RELAY_LISTS, requester, stranger } from './authors.ts'
import { NARROWED, QUESTIONS } from './questions.ts'

/** A relay under test. */
export interface StrangersTarget extends ControlledTarget {
  sweep(): Promise<unknown>
  /** What the store was asked since the last time, and what its server did for that, where there is one. */
  takeSteps(): Promise<Pick<Noted, 'calls' | 'work'>>
}

export type StartStrangersTarget = (options: OptionsInput) => Promise<StrangersTarget>

/** What a stranger can perceive: the answer, and the steps it took. */
export interface Noted {
  readonly answer: readonly RelayMessage[]
  readonly calls: readonly string[]
  readonly work: readonly string[]
}

/** How the stranger comes, and what is public about the author. */
export interface Manner {
  readonly as: 'nobody' | 'stranger'
  readonly lists: 'none' | 'elsewhere'
}

export const MANNERS: Readonly<Record<string, Manner>> = {
  'an unauthenticated stranger about an author without relay lists': { as: 'nobody', lists: 'none' },
  'an authenticated stranger about an author with relay lists': { as: 'stranger', lists: 'elsewhere' },
}

/** Has the past happen on a relay, up to when strangers ask. */
export async function happen(
  target: StrangersTarget,
  { lists }: Manner,
  { published, claims, swept }: Past,
): Promise<void> {
  const publisher = await Client.connect(target.url)
  const bystander = await ofBystander()
  await publisher.publish(bystander)
  for (const event of lists === 'none' ? published : [...published, ...RELAY_LISTS]) {
    const [accepted, message] = await publisher.publish(event)
    if (accepted !== true) throw new Error(String(message))
  }
  await publisher.close()
  for (let turn = 0; turn < claims; turn++) {
    const claimer = await Client.connect(target.url)
    await claimer.authenticate(requester, target.now())
    const { events } = await claimer.request('claim', { kinds: [443, 30443], authors: [author.pubkey] })
    if (events.length === 0) throw new Error('nothing was claimed')
    await claimer.close()
  }
  target.advance(ASKED_AFTER)
  if (swept) await target.sweep()
  // The first one-time package in a while has the gateway read the URL of the store, whoever published it.
  const another = await Client.connect(target.url)
  await another.publish(bystander)
  await another.close()
}

/** Of somebody else: no store is empty. */
async function ofBystander(): Promise<SignedEvent> {
  return keyPackageEvent(requester, await makeKeyPackage(requester), { createdAt: NOW - 60 })
}

/** The answers to all questions, by their names. */
export async function inquire(
  target: StrangersTarget,
  past: Past,
  manner: Manner,
): Promise<ReadonlyMap<string, Noted>> {
  await happen(target, manner, past)
  const noted = new Map<string, Noted>()
  for (const [name, ask] of QUESTIONS) noted.set(name, await note(target, manner, ask(author)))
  noted.set('AUTH as the author', await note(target, manner, [], authenticatedAs(target)))
  return noted
}

type Message = readonly [verb: string, ...rest: unknown[]]

/** Each question comes on a connection of its own, so that none depends on those before it. */
export async function note(
  target: StrangersTarget,
  manner: Manner,
  messages: readonly Message[],
  more: (client: Client) => Promise<readonly Message[]> = async () => [],
): Promise<Noted> {
  const client = await Client.connect(target.url)
  try {
    await client.challenge()
    if (manner.as === 'stranger') await client.authenticate(stranger, target.now())
    await client.rest()
    await target.takeSteps()
    const answer: RelayMessage[] = []
    for (const message of [...messages, ...(await more(client))]) {
      client.send(message)
      const [verb, event] = message
      const isAnsweredByOk = verb === 'EVENT' || verb === 'AUTH'
      answer.push(
        ...(isAnsweredByOk ? await client.until('OK', (event as SignedEvent).id) : await client.rest()),
      )
    }
    return { answer, ...(await target.takeSteps()) }
  } finally {
    await client.close()
  }
}

/** An AUTH event with the author's name and the stranger's signature. */
function authenticatedAs(target: StrangersTarget): (client: Client) => Promise<Message[]> {
  return async (client) => {
    const challenge = await client.challenge()
    const forged = authEvent(stranger as Person, { challenge, relay: target.url, createdAt: target.now() })
    return [['AUTH', { ...forged, pubkey: author.pubkey, id: 'f'.repeat(64) }]]
  }
}

/** What a stranger hears who has REQs open that match nothing, when the author publishes more. */
export async function overhear(target: StrangersTarget, manner: Manner): Promise<RelayMessage[]> {
  const [client, publisher] = [await Client.connect(target.url), await Client.connect(target.url)]
  try {
    if (manner.as === 'stranger') await client.authenticate(stranger, target.now())
    const open = NARROWED.map(([, filter], index) => ['REQ', `s${index}`, filter(author)] as const)
    client.send(...open)
    await client.rest()
    for (const event of await publishedLater(target.now())) {
      const [accepted, message] = await publisher.publish(event)
      if (accepted !== true) throw new Error(String(message))
    }
    return await client.rest()
  } finally {
    await Promise.all([client.close(), publisher.close()])
  }
}

/** A one-time package, and the newest of a slot that is there in some pasts. */
async function publishedLater(now: number): Promise<SignedEvent[]> {
  const [oneTime, slot] = [await makeKeyPackage(author, { now }), await makeKeyPackage(author, { now })]
  return [
    keyPackageEvent(author, oneTime, { createdAt: now }),
    keyPackageEvent(author, slot, { createdAt: now, kind: 30443, tags: { d: ['phone'] } }),
  ]
}
