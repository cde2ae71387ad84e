/** The client's connections: one to each relay, authenticated (NIP-42) where the relay asks for it. */

import { AbstractSimplePool } from 'nostr-tools/abstract-pool'
import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { EventTemplate, NostrEvent, VerifiedEvent } from 'nostr-tools/core'
import type { Filter } from 'nostr-tools/filter'
import { verifyEvent } from 'nostr-tools/pure'
import type { Signer } from 'nostr-tools/signer'
import { RELAY_LIST_KIND } from '../../plugin/lifecycle/relay-list.ts'
import { parseRefusal } from '../../plugin/nostr/machine-readable.ts'
import { supportsProtection } from './protection.ts'
import { type PublishOutcome, publishToRelay } from './publish.ts'
import { type IsComplete, type Reply, requestEvents } from './request.ts'
import { type Timeout, withTimeout } from './time.ts'
import { safeWebSocket, type WebSocketClass } from './web-socket.ts'

export interface ConnectionSettings extends Timeout {
  readonly signer: Signer | undefined
  readonly WebSocket: WebSocketClass | undefined
  /** Called once for each connection, before the signer authenticates on it. */
  readonly onAuthenticating: (relay: AbstractRelay, url: string, pubkey: string) => void
}

export class Connections {
  readonly #settings: ConnectionSettings
  readonly #pool: AbstractSimplePool
  /** Connections that were set up already. */
  readonly #prepared = new WeakSet<AbstractRelay>()
  readonly #authentications = new WeakMap<AbstractRelay, Promise<void>>()
  /** By relay, what its information document says. */
  readonly #protects = new Map<string, Promise<boolean>>()
  /** By relay, the last task in its queue. */
  readonly #queues = new Map<string, Promise<unknown>>()
  #isClosed = false

  constructor(settings: ConnectionSettings) {
    this.#settings = settings
    this.#pool = new AbstractSimplePool({
      verifyEvent,
      websocketImplementation: safeWebSocket(settings.WebSocket),
      maxWaitForConnection: settings.timeoutMs,
      enablePing: true,
    })
  }

  /** A connection that need not be authenticated. @throws Error if the relay cannot be reached in time */
  async connect(url: string): Promise<AbstractRelay> {
    if (this.#isClosed) throw new Error('the client is closed')
    const relay = await this.#pool
      .ensureRelay(url, { connectionTimeout: this.#settings.timeoutMs })
      .catch((error: unknown) => {
        throw new Error(error instanceof Error ? error.message : String(error))
      })
    if (this.#prepared.has(relay)) return relay
    this.#prepared.add(relay)
    // By default nostr-tools prints NOTICEs.
    relay.onnotice = () => {}
    relay.publishTimeout = this.#settings.timeoutMs
    const onclose = relay.onclose
    relay.onclose = () => {
      // Otherwise the idle timer of a lost connection keeps the process alive.
      relay.idleTimeout = 0
      this.#protects.delete(url)
      onclose?.()
    }
    return relay
  }

  /**
   * A connection on which the signer has answered the relay's challenge, if there was one.
   * @throws Error if the relay cannot be reached in time, or the signer does not give its pubkey
   */
  async connectAuthenticated(url: string): Promise<AbstractRelay> {
    const relay = await this.connect(url)
    const authentication = this.#authentications.get(relay) ?? this.#answerChallenge(relay, url)
    this.#authentications.set(relay, authentication)
    try {
      await authentication
    } catch (error) {
      // The signer is asked again the next time.
      this.#authentications.delete(relay)
      throw error
    }
    if (!relay.connected) throw new Error('the connection was lost')
    return relay
  }

  /** One REQ. Authenticates and repeats it if the relay answers `auth-required`. Never rejects. */
  async request(relay: AbstractRelay, filters: readonly Filter[], isComplete?: IsComplete): Promise<Reply> {
    const send = () => requestEvents(relay, filters, this.#settings, isComplete)
    const reply = await send()
    if (reply.end.by !== 'closed' || !isAuthRequired(reply.end.message)) return reply
    return (await this.#authenticate(relay)) ? send() : reply
  }

  /** One REQ for which the client need not be authenticated. Never rejects. */
  lookUp(url: string, filters: readonly Filter[]): Promise<Reply> {
    return this.enqueue(url, async () => {
      const relay = await this.connect(url).catch(() => undefined)
      if (relay === undefined) return { events: [], notices: [], end: { by: 'disconnect' } }
      return this.request(relay, filters)
    })
  }

  /** Whether the relay supports protected key packages (NIP-70), asked once for each connection. Never rejects. */
  protects(url: string): Promise<boolean> {
    const known = this.#protects.get(url) ?? supportsProtection(url, this.#settings)
    this.#protects.set(url, known)
    return known
  }

  /** Never rejects. */
  async publish(url: string, event: NostrEvent): Promise<PublishOutcome> {
    try {
      const relay = await this.connectAuthenticated(url)
      const outcome = await publishToRelay(relay, event, this.#settings)
      if (outcome.outcome === 'accepted' || !isAuthRequired(outcome.message)) return outcome
      return (await this.#authenticate(relay)) ? await publishToRelay(relay, event, this.#settings) : outcome
    } catch (error) {
      return { outcome: 'unreachable', message: (error as Error).message }
    }
  }

  /** Runs `task` after everything that was queued for this relay before, because NOTICEs do not say what they answer. */
  enqueue<Result>(url: string, task: () => Promise<Result>): Promise<Result> {
    const result = (this.#queues.get(url) ?? Promise.resolve()).then(task)
    this.#queues.set(
      url,
      result.catch(() => {}),
    )
    return result
  }

  close(): void {
    this.#isClosed = true
    this.#pool.destroy()
  }

  async #answerChallenge(relay: AbstractRelay, url: string): Promise<void> {
    const { signer, onAuthenticating } = this.#settings
    if (signer === undefined) return
    const pubkey = await signer.getPublicKey()
    onAuthenticating(relay, url, pubkey)
    // A relay that challenges every new connection has done so before it answers a REQ.
    const filter = { kinds: [RELAY_LIST_KIND], authors: [pubkey], limit: 1 }
    await requestEvents(relay, [filter], this.#settings)
    if (hasChallenged(relay)) await this.#authenticate(relay)
  }

  /**
   * Resolves to whether the relay accepted the authentication (NIP-42). The challenge may come after the message that
   * requires it.
   */
  async #authenticate(relay: AbstractRelay): Promise<boolean> {
    const { signer, time } = this.#settings
    if (signer === undefined) return false
    const sign = (template: EventTemplate) =>
      signer.signEvent({ ...template, created_at: Math.floor(time.now() / 1000) })
    try {
      await withTimeout(authenticate(relay, sign), this.#settings)
      return true
    } catch {
      relay.onauth = undefined
      // nostr-tools would keep the failed promise, and never sign again on this connection.
      Reflect.deleteProperty(relay, 'authPromise')
      return false
    }
  }
}

/** Waits for the challenge if need be. Rejects if the signer fails; nostr-tools alone would wait without end. */
function authenticate(
  relay: AbstractRelay,
  sign: (template: EventTemplate) => Promise<VerifiedEvent>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const signOrReject = async (template: EventTemplate) => {
      try {
        const event = await sign(template)
        if (!relay.connected) throw new Error('the connection was lost')
        return event
      } catch (error) {
        reject(error)
        throw error
      }
    }
    const authenticateNow = () => relay.auth(signOrReject).then(resolve, reject)
    if (hasChallenged(relay)) {
      authenticateNow()
      return
    }
    // nostr-tools calls this when the challenge comes, and from then on has a promise of the answer.
    relay.onauth = (template) => {
      relay.onauth = undefined
      queueMicrotask(authenticateNow)
      return signOrReject(template)
    }
  })
}

function hasChallenged(relay: AbstractRelay): boolean {
  return Reflect.get(relay, 'challenge') !== undefined
}

function isAuthRequired(message: string): boolean {
  return parseRefusal(message).prefix === 'auth-required'
}
