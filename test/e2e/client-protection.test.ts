/** One-time packages that nobody but their author can publish anywhere (NIP-70), where the relay supports that. */

import { describe, expect, it } from '@jest/globals'
import type { NostrEvent } from 'nostr-tools/core'
import { verifyEvent } from 'nostr-tools/pure'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { Client } from '../support/client.ts'
import { ClientScene, type Someone } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { type Script, ScriptedRelay } from '../support/scripted-relay.ts'

const scene = new ClientScene(memoryStore)
const NIP_70 = { supported_nips: [1, 11, 42, 70] }

/** A relay that answers EVENTs so, and everything else with nothing. */
async function open(answerTo: (event: NostrEvent) => string, information?: object): Promise<ScriptedRelay> {
  const script: Script = ([verb, subject, ...rest]) => {
    if (verb === 'REQ') return [['EOSE', subject]]
    if (verb !== 'EVENT' || rest.length > 0) return []
    const event = subject as NostrEvent
    const refusal = answerTo(event)
    return [['OK', event.id, refusal === '', refusal]]
  }
  const relay = await ScriptedRelay.open(script, information)
  scene.finally(() => relay.close())
  return relay
}

function eventsAt({ received }: ScriptedRelay): NostrEvent[] {
  return received.flatMap(([verb, event]) => (verb === 'EVENT' ? [event as NostrEvent] : []))
}

function isProtected({ tags }: NostrEvent): boolean {
  return tags.some(([name]) => name === '-')
}

async function publishOne(someone: Someone) {
  const [made] = await someone.generate(1)
  if (made === undefined) throw new Error('there is one')
  const [publication] = await someone.client.publishKeyPackages([made.publicPackage])
  if (publication === undefined) throw new Error('there is one')
  return publication
}

describe('a one-time package', () => {
  it('is protected at a gateway: it is stored there, and nobody else can publish it at another', async () => {
    const [here, there] = [await scene.serve(), await scene.serve()]
    const alice = scene.connect('alice', here)
    const { event, outcome } = await publishOne(alice)
    expect(outcome).toBe('accepted')
    expect(isProtected(event)).toBe(true)
    expect(verifyEvent(event)).toBe(true)
    expect(event.tags).toContainEqual(['relays', `${here.url}/`])

    const mallory = await Client.connect(there.url)
    scene.finally(() => mallory.close())
    const refusal = 'auth-required: this event may only be published by its author'
    expect(await mallory.publish(event)).toEqual([false, refusal])
    expect(await scene.connect('bob', here).claim(alice)).toHaveLength(1)
  })

  it('is not protected where the relay does not list NIP-70, and the relay is asked once', async () => {
    const relay = await open(() => '')
    const alice = scene.connect('alice', relay)
    for (let turn = 0; turn < 2; turn++) expect(isProtected((await publishOne(alice)).event)).toBe(false)
    expect(eventsAt(relay)).toHaveLength(2)
  })

  it.each(['blocked: event marked as protected', 'auth-required: this relay asks nobody to authenticate'])(
    'is published without protection where that is refused: "%s"',
    async (refusal) => {
      const relay = await open((event) => (isProtected(event) ? refusal : ''), NIP_70)
      const alice = scene.connect('alice', relay, { timeoutSeconds: 1 })
      let isOver = false
      const publishing = publishOne(alice).finally(() => {
        isOver = true
      })
      await eventually('it is published', () => {
        // The client waits for a challenge that never comes.
        if (eventsAt(relay).length > 0) scene.advance(1)
        return isOver
      })
      const { event, outcome, relays } = await publishing
      expect({ outcome, relays }).toMatchObject({ outcome: 'accepted', relays: [{ outcome: 'accepted' }] })
      expect(isProtected(event)).toBe(false)
      expect(eventsAt(relay).at(-1)).toEqual(event)
      expect(eventsAt(relay).every((received) => verifyEvent(received))).toBe(true)
      expect(eventsAt(relay).some(isProtected)).toBe(true)
    },
  )

  it('stays protected where it is refused for another reason, and the next relay gets what it supports', async () => {
    const full = await open(() => 'blocked: no room', NIP_70)
    const other = await open(() => '')
    const alice = scene.connect('alice', full, { relays: [full.url, other.url] })
    const { event, outcome } = await publishOne(alice)
    expect(outcome).toBe('accepted')
    expect(isProtected(event)).toBe(false)
    expect(eventsAt(full).map(isProtected)).toEqual([true])
    expect(eventsAt(other)).toEqual([event])
    expect(event.tags).toContainEqual(['relays', full.url, other.url])
  })

  it('that the app protects itself is never published without', async () => {
    const relay = await open((event) => (isProtected(event) ? 'blocked: event marked as protected' : ''))
    const alice = scene.connect('alice', relay)
    const [made] = await alice.generate(1)
    if (made === undefined) throw new Error('there is one')
    const [publication] = await alice.client.publishKeyPackages([made.publicPackage], { tags: [['-']] })
    expect(publication?.outcome).toBe('refused')
    expect(eventsAt(relay).map(({ tags }) => tags.filter(([name]) => name === '-'))).toEqual([[['-']]])
  })
})
