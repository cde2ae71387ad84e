/** Who a connection is: its address, and the pubkeys it has authenticated (NIP-42). */

import { authenticatedBy, challengeOf, createChallenge, isAuthEvent, relayHostOf } from './auth.ts'
import type { Pubkey, RelayMessage, SignedEvent } from './messages.ts'
import { Refusal } from './refusal.ts'
import { addressKey, type Requester } from './requester.ts'

/** AUTH events that may wait for the relay's word; a client that sends more is not authenticating. */
const MOST_AWAITED = 16

/** Challenges of the relay that an answer may still come to; it sends another with each refusal, or always the same. */
const MOST_CHALLENGES = 16

/** Pubkeys that one connection may authenticate: new ones cost a client nothing (I9). */
const MOST_PUBKEYS = 100

/** What an identity goes by. */
export interface IdentitySettings {
  readonly address: string
  readonly host: string | undefined
  /** The same, where the operator has said so (`publicUrl`). */
  readonly publicHost: string | undefined
  /** Pubkeys that the relay's own NIP-42 has authenticated; where it is given, the gateway sends no challenge. */
  readonly authenticated: (() => Iterable<string>) | undefined
  readonly verifyEvent: (event: SignedEvent) => boolean
  /** Called once for each pubkey; what it returns is called when the connection ends. */
  readonly welcome: (pubkey: Pubkey) => () => void
}

export class Identity {
  readonly #address: string
  readonly #settings: IdentitySettings
  readonly #challenge: string | undefined
  readonly #pubkeys = new Map<Pubkey, () => void>()
  readonly #awaited = new Map<string, Pubkey>()
  readonly #relayChallenges = new Set<unknown>()

  constructor(settings: IdentitySettings) {
    this.#settings = settings
    this.#address = addressKey(settings.address)
    if (settings.authenticated === undefined) this.#challenge = createChallenge()
  }

  /** The AUTH messages that ask the client to authenticate; none where the relay does that itself. */
  challenge(): RelayMessage[] {
    return this.#challenge === undefined ? [] : [['AUTH', this.#challenge]]
  }

  /** The pubkeys authenticated so far, the first one first. */
  pubkeys(): ReadonlySet<Pubkey> {
    this.#poll()
    return new Set(this.#pubkeys.keys())
  }

  /** Who asks, from here; quotas count the first pubkey, else the address. */
  requester(): Requester {
    const authenticated = this.pubkeys()
    const [first] = authenticated
    return { name: first ?? this.#address, address: this.#address, authenticated }
  }

  /** The relay has sent a challenge of its own. */
  expectAnswerTo(challenge: unknown): void {
    const [oldest] = this.#relayChallenges
    if (this.#relayChallenges.size >= MOST_CHALLENGES) this.#relayChallenges.delete(oldest)
    this.#relayChallenges.add(challenge)
  }

  /**
   * Takes an AUTH event that answers our challenge. False: it answers another, so it is the relay's, whose word
   * is then awaited if the challenge was. A relay without NIP-42 says OK to any: to one, perhaps, that its author made
   * for somebody else's relay.
   * @throws Refusal
   */
  authenticate(event: SignedEvent, now: number): boolean {
    const { host, verifyEvent } = this.#settings
    const challenge = challengeOf(event)
    if (this.#challenge === undefined || challenge !== this.#challenge) {
      if (this.#isRelays(event, now) && verifyEvent(event)) this.#awaited.set(event.id, event.pubkey)
      return false
    }
    this.#welcome(authenticatedBy(event, { challenge: this.#challenge, host, verifyEvent }, now))
    if (this.#pubkeys.has(event.pubkey)) return true
    throw new Refusal('blocked', `at most ${MOST_PUBKEYS} pubkeys per connection`)
  }

  /** Whether the relay's word on an AUTH event is worth waiting for. Some relays do not look at its relay tag. */
  #isRelays(event: SignedEvent, now: number): boolean {
    const { publicHost } = this.#settings
    if (!this.#relayChallenges.has(challengeOf(event)) || this.#awaited.size >= MOST_AWAITED) return false
    return isAuthEvent(event, now) && (publicHost === undefined || relayHostOf(event) === publicHost)
  }

  /** The relay's OK for an event, which may be an AUTH event that was passed on to it. */
  believe(eventId: unknown, accepted: unknown): void {
    const pubkey = this.#awaited.get(eventId as string)
    this.#awaited.delete(eventId as string)
    if (accepted !== true) return
    if (pubkey !== undefined) this.#welcome(pubkey)
    this.#poll()
  }

  /** @throws Refusal where nobody has authenticated */
  demand(): void {
    if (this.pubkeys().size > 0) return
    throw new Refusal('auth-required', 'authenticate to query key packages')
  }

  close(): void {
    for (const leave of this.#pubkeys.values()) leave()
    this.#pubkeys.clear()
  }

  /** Who has authenticated with a relay that keeps count of it. */
  #poll(): void {
    for (const pubkey of this.#settings.authenticated?.() ?? []) this.#welcome(pubkey)
  }

  #welcome(pubkey: Pubkey): void {
    if (this.#pubkeys.has(pubkey) || this.#pubkeys.size >= MOST_PUBKEYS) return
    this.#pubkeys.set(pubkey, this.#settings.welcome(pubkey))
  }
}
