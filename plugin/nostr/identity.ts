/** Who a connection is: its address, and the pubkeys it has authenticated (NIP-42). */

import { authenticatedBy, challengeOf, createChallenge, isAuthEvent, relayHostOf } from './auth.ts'
import type { GatewayMessage, Pubkey, SignedEvent } from './messages.ts'
import { Refusal } from './refusal.ts'
import { addressKey, type Requester } from './requester.ts'

/** Maximum AUTH events of one connection that wait for the relay's OK. */
const MAX_AWAITED = 16

/** Maximum challenges of the relay that are remembered; some relays send a new one with each refusal. */
const MAX_CHALLENGES = 16

/** Maximum pubkeys that one connection may authenticate: new keys cost a client nothing (I9). */
const MAX_PUBKEYS = 100

/** What the identity of a connection depends on. */
export interface IdentitySettings {
  readonly address: string
  /** Host and port of this relay, for the relay tag of AUTH events. */
  readonly host: string | undefined
  /** The same, only if the operator has set it (`publicUrl`). */
  readonly publicHost: string | undefined
  /** Pubkeys that the relay itself has authenticated (NIP-42); if given, the gateway sends no challenge. */
  readonly authenticated: (() => Iterable<string>) | undefined
  readonly verifyEvent: (event: SignedEvent) => Promise<boolean>
  /** Called once for each pubkey. The function it returns is called when the connection ends. */
  readonly onAuthenticated: (pubkey: Pubkey) => () => void
}

export class Identity {
  readonly #address: string
  readonly #settings: IdentitySettings
  readonly #challenge: string | undefined
  readonly #pubkeys = new Map<Pubkey, () => void>()
  readonly #awaited = new Map<string, Pubkey>()
  readonly #relayChallenges = new Set<unknown>()
  #isClosed = false

  constructor(settings: IdentitySettings) {
    this.#settings = settings
    this.#address = addressKey(settings.address)
    if (settings.authenticated === undefined) this.#challenge = createChallenge()
  }

  /** The AUTH message that asks the client to authenticate; none if the relay does that itself. */
  challenge(): GatewayMessage[] {
    return this.#challenge === undefined ? [] : [['AUTH', this.#challenge]]
  }

  /** The pubkeys authenticated so far, in order. */
  pubkeys(): ReadonlySet<Pubkey> {
    this.poll()
    return new Set(this.#pubkeys.keys())
  }

  /** The requester: quotas count the first pubkey, or the address if there is none. */
  requester(): Requester {
    const authenticated = this.pubkeys()
    const [first] = authenticated
    const { address: networkAddress } = this.#settings
    return { name: first ?? this.#address, address: this.#address, networkAddress, authenticated }
  }

  /** Remembers a challenge that the relay has sent. */
  onRelayChallenge(challenge: unknown): void {
    const [oldest] = this.#relayChallenges
    if (this.#relayChallenges.size >= MAX_CHALLENGES) this.#relayChallenges.delete(oldest)
    this.#relayChallenges.add(challenge)
  }

  /**
   * Checks an AUTH event that answers our challenge. Returns false if it answers another challenge and must be forwarded
   * to the relay. The relay's OK is then awaited, but only if the relay has sent that challenge here: a relay without
   * NIP-42 accepts any event, even an AUTH event that was made for another relay.
   * @throws Refusal
   */
  async authenticate(event: SignedEvent, now: number): Promise<boolean> {
    const { host, verifyEvent } = this.#settings
    const challenge = challengeOf(event)
    if (this.#challenge === undefined || challenge !== this.#challenge) {
      if (this.#isForRelay(event, now) && (await verifyEvent(event)))
        this.#awaited.set(event.id, event.pubkey)
      return false
    }
    this.#add(await authenticatedBy(event, { challenge: this.#challenge, host, verifyEvent }, now))
    if (this.#pubkeys.has(event.pubkey)) return true
    throw new Refusal('blocked', `at most ${MAX_PUBKEYS} pubkeys per connection`)
  }

  /** Whether to wait for the relay's OK. The relay tag is checked here because some relays do not check it. */
  #isForRelay(event: SignedEvent, now: number): boolean {
    const { publicHost } = this.#settings
    if (!this.#relayChallenges.has(challengeOf(event)) || this.#awaited.size >= MAX_AWAITED) return false
    return isAuthEvent(event, now) && (publicHost === undefined || relayHostOf(event) === publicHost)
  }

  /** The relay has answered an event with OK; it may be an AUTH event that was forwarded to it. */
  onRelayOk(eventId: unknown, accepted: unknown): void {
    const pubkey = this.#awaited.get(eventId as string)
    this.#awaited.delete(eventId as string)
    if (accepted !== true) return
    if (pubkey !== undefined) this.#add(pubkey)
    this.poll()
  }

  /** @throws Refusal if no pubkey is authenticated */
  demand(): void {
    if (this.pubkeys().size > 0) return
    throw new Refusal('auth-required', 'authenticate to query key packages')
  }

  close(): void {
    this.#isClosed = true
    for (const stop of this.#pubkeys.values()) stop()
    this.#pubkeys.clear()
  }

  /** Adds the pubkeys that the relay itself has authenticated. */
  poll(): void {
    for (const pubkey of this.#settings.authenticated?.() ?? []) this.#add(pubkey)
  }

  #add(pubkey: Pubkey): void {
    if (this.#isClosed || this.#pubkeys.has(pubkey) || this.#pubkeys.size >= MAX_PUBKEYS) return
    this.#pubkeys.set(pubkey, this.#settings.onAuthenticated(pubkey))
  }
}
