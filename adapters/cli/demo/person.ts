/** Somebody with a Nostr key and an authenticated WebSocket to the relay: an ordinary client, nostr-tools'. */

import { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Event, EventTemplate, VerifiedEvent } from 'nostr-tools/core'
import type { Filter } from 'nostr-tools/filter'
import { finalizeEvent, generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure'
import { WebSocket } from 'ws'

/** What a REQ came to: events and EOSE, or CLOSED with the reason. */
export interface Reply {
  readonly events: readonly Event[]
  readonly refusal?: string
}

export class Person {
  readonly name: string
  readonly pubkey: string
  readonly #secretKey: Uint8Array
  readonly #relay: AbstractRelay

  private constructor(name: string, secretKey: Uint8Array, relay: AbstractRelay) {
    this.name = name
    this.pubkey = getPublicKey(secretKey)
    this.#secretKey = secretKey
    this.#relay = relay
  }

  /** Connects, and answers the relay's challenge (NIP-42). */
  static async connect(name: string, url: string): Promise<Person> {
    // nostr-tools knows only browsers' WebSocket, which Node 20 has not; that of ws behaves the same.
    const websocketImplementation = WebSocket as unknown as NonNullable<
      ConstructorParameters<typeof AbstractRelay>[1]['websocketImplementation']
    >
    const relay = new AbstractRelay(url, { verifyEvent, websocketImplementation })
    relay.onnotice = () => undefined
    const person = new Person(name, generateSecretKey(), relay)
    const challenged = new Promise<void>((resolve) => {
      relay.onauth = async (template) => {
        resolve()
        return person.sign(template)
      }
    })
    await relay.connect()
    await challenged
    await relay.auth(async (template) => person.sign(template))
    return person
  }

  sign(template: EventTemplate): VerifiedEvent {
    return finalizeEvent(template, this.#secretKey)
  }

  /** Resolves with the relay's message; rejects with it where the event is refused. */
  publish(event: Event): Promise<string> {
    return this.#relay.publish(event)
  }

  ask(filter: Filter): Promise<Reply> {
    return new Promise((resolve) => {
      const events: Event[] = []
      const subscription = this.#relay.subscribe([filter], {
        onevent: (event) => events.push(event),
        // nostr-tools takes #f for a tag that the event lacks, and files what was asked for under invalid.
        oninvalidevent: (event) => events.push(event as Event),
        oneose: () => {
          resolve({ events })
          subscription.close()
        },
        onclose: (refusal) => {
          resolve({ events, refusal })
          // Without this nostr-tools goes on waiting for the EOSE, and keeps the process alive for it.
          subscription.receivedEose()
        },
      })
    })
  }

  count(filter: Filter): Promise<number> {
    return this.#relay.count([filter], {})
  }

  leave(): void {
    this.#relay.close()
  }
}
