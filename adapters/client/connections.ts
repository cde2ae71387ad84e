/** The client's connections to relays: one each, on which it has said who it is, and asks one thing at a time. */

import { AbstractSimplePool } from 'nostr-tools/abstract-pool'
import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { NostrEvent } from 'nostr-tools/core'
import type { Filter } from 'nostr-tools/filter'
import { verifyEvent } from 'nostr-tools/pure'
import type { Signer } from 'nostr-tools/signer'
import { ask, type Patience, type Reply } from './ask.ts'
import { authenticate, awaitChallenge } from './authenticate.ts'
import { type PublishOutcome, publishAt } from './publish.ts'
import { parseRefusal } from './refusals.ts'
import { sturdyWebSocket, type WebSocketClass } from './web-socket.ts'

export interface ConnectionSettings extends Patience {
  readonly signer: Signer | undefined
  readonly WebSocket: WebSocketClass | undefined
  /** Called for each connection on which the signer is about to say who they are. */
  readonly onIntroduction: (relay: AbstractRelay, url: string, pubkey: string) => void
}

export class Connections {
  readonly #settings: ConnectionSettings
  readonly #pool: AbstractSimplePool
  readonly #known = new WeakSet<AbstractRelay>()
  readonly #introduced = new WeakMap<AbstractRelay, Promise<void>>()
  /** By relay, the end of what is asked there: NOTICEs do not say what they answer. */
  readonly #turns = new Map<string, Promise<unknown>>()
  #isClosed = false

  constructor(settings: ConnectionSettings) {
    this.#settings = settings
    this.#pool = new AbstractSimplePool({
      verifyEvent,
      websocketImplementation: sturdyWebSocket(settings.WebSocket),
      maxWaitForConnection: settings.patienceMs,
      enablePing: true,
    })
  }

  /** A connection on which nobody has said who they are yet. Rejects where there is none to be had in time. */
  async anonymous(url: string): Promise<AbstractRelay> {
    if (this.#isClosed) throw new Error('this client is closed')
    const relay = await this.#pool
      .ensureRelay(url, { connectionTimeout: this.#settings.patienceMs })
      .catch((error: unknown) => {
        throw new Error(error instanceof Error ? error.message : String(error))
      })
    if (this.#known.has(relay)) return relay
    this.#known.add(relay)
    // Who asks hears the NOTICEs to it; nostr-tools would print them.
    relay.onnotice = () => {}
    relay.publishTimeout = this.#settings.patienceMs
    const forget = relay.onclose
    relay.onclose = () => {
      // A connection that is lost would be closed for idleness, and keep the process alive until then.
      relay.idleTimeout = 0
      forget?.()
    }
    return relay
  }

  /** A connection on which the signer has answered the relay's challenge, if it gave one. */
  async own(url: string): Promise<AbstractRelay> {
    const relay = await this.anonymous(url)
    const introduction = this.#introduced.get(relay) ?? this.#introduce(relay, url)
    this.#introduced.set(relay, introduction)
    try {
      await introduction
    } catch (error) {
      // Whoever did not say who they are may do so the next time.
      this.#introduced.delete(relay)
      throw error
    }
    if (!relay.connected) throw new Error('the connection was lost')
    return relay
  }

  /** Authenticates on a connection whose relay has asked for it. Resolves to whether it is believed. */
  async authenticate(relay: AbstractRelay): Promise<boolean> {
    const { signer, time } = this.#settings
    if (signer === undefined) return false
    const now = () => Math.floor(time.now() / 1000)
    return authenticate(
      relay,
      (template) => signer.signEvent({ ...template, created_at: now() }),
      this.#settings,
    )
  }

  /** One REQ at a relay; one that wants to know first who asks is told. */
  async ask(relay: AbstractRelay, filters: readonly Filter[]): Promise<Reply> {
    const reply = await ask(relay, filters, this.#settings)
    if (reply.end.by !== 'closed' || !wantsAuthentication(reply.end.message)) return reply
    return (await this.authenticate(relay)) ? ask(relay, filters, this.#settings) : reply
  }

  /** One REQ at a relay that need not know who asks. Never rejects. */
  lookUp(url: string, filters: readonly Filter[]): Promise<Reply> {
    return this.inTurn(url, async () => {
      const relay = await this.anonymous(url).catch(() => undefined)
      if (relay === undefined) return { events: [], notices: [], end: { by: 'loss' } }
      return this.ask(relay, filters)
    })
  }

  /** Publishes at a relay. Never rejects. */
  async publish(url: string, event: NostrEvent): Promise<PublishOutcome> {
    try {
      const relay = await this.own(url)
      const outcome = await publishAt(relay, event, this.#settings)
      if (outcome.outcome === 'accepted' || !wantsAuthentication(outcome.message)) return outcome
      return (await this.authenticate(relay)) ? await publishAt(relay, event, this.#settings) : outcome
    } catch (error) {
      return { outcome: 'unreachable', message: (error as Error).message }
    }
  }

  /** Calls `act` once everything that was begun at this relay before is over. */
  inTurn<Result>(url: string, act: () => Promise<Result>): Promise<Result> {
    const turn = (this.#turns.get(url) ?? Promise.resolve()).then(act)
    this.#turns.set(
      url,
      turn.catch(() => {}),
    )
    return turn
  }

  close(): void {
    this.#isClosed = true
    this.#pool.destroy()
  }

  async #introduce(relay: AbstractRelay, url: string): Promise<void> {
    const { signer, onIntroduction } = this.#settings
    if (signer === undefined) return
    const pubkey = await signer.getPublicKey()
    onIntroduction(relay, url, pubkey)
    await awaitChallenge(relay, pubkey, this.#settings)
    await this.authenticate(relay)
  }
}

function wantsAuthentication(message: string): boolean {
  return parseRefusal(message).prefix === 'auth-required'
}
