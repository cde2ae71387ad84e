/**
 * Connects to the upstream relay for a client, before the client's own handshake is answered, and logs when the relay
 * becomes unreachable or reachable again (once for each change, not for each client).
 */

import type { OutgoingHttpHeaders } from 'node:http'
import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { Logger } from '../../../plugin/context.ts'
import { HandshakeRefused } from '../server/listener.ts'

export interface DialSettings {
  readonly url: URL
  readonly headers: OutgoingHttpHeaders
  /** The subprotocols that the client offers. */
  readonly protocols: readonly string[]
  /** Aborted when the client disconnects before it is accepted. */
  readonly gone: AbortSignal
}

/** Whether the relay accepts connections. */
export type UpstreamState = 'reachable' | 'unreachable'

/** An open connection to the relay. */
export interface UpstreamSocket {
  /** Open, and paused. */
  readonly socket: WebSocket
  /** The TCP or TLS connection below it. */
  readonly stream: Duplex
}

const HANDSHAKE_TIMEOUT_MS = 10_000
/** Who wants to know now waits no longer than this. */
const PROBE_TIMEOUT_MS = 2_000
/** How often a relay that was not there at the start is tried again. */
const LOOK_AGAIN_MS = 1_000
/** Of a message from the relay; relays accept far smaller ones. */
const MAX_MESSAGE_BYTES = 16_777_216
const BAD_GATEWAY = 502

/** ws reports this error when a server selects none of the offered subprotocols, as most relays do. */
const NO_SUBPROTOCOL = 'Server sent no subprotocol'

export class UpstreamDialer {
  readonly #log: Logger
  readonly #onReachable: () => Promise<void>
  #isReachable = true
  #looking: NodeJS.Timeout | undefined

  /** @param onReachable called when the relay is there at the start, and each time that it can be reached again; it never rejects */
  constructor(log: Logger, onReachable: () => Promise<void>) {
    this.#log = log
    this.#onReachable = onReachable
  }

  /**
   * Looks whether the relay listens, so that the operator hears of one that does not before a client does; again and again
   * until it does. It is no handshake: the relay sees a connection that says nothing. Resolves after the first look.
   */
  async look(url: URL): Promise<void> {
    try {
      await listens(url, HANDSHAKE_TIMEOUT_MS)
      if (this.#isReachable) await this.#onReachable()
      else this.#reachable()
    } catch (error) {
      this.#unreachable(error)
      this.#looking = setTimeout(() => this.look(url), LOOK_AGAIN_MS).unref()
    }
  }

  /** Looks once, for at most two seconds. Never rejects. */
  async probe(url: URL): Promise<UpstreamState> {
    try {
      await listens(url, PROBE_TIMEOUT_MS)
      this.#reachable()
    } catch (error) {
      this.#unreachable(error)
    }
    return this.state
  }

  /** As the last attempt to connect has found it. */
  get state(): UpstreamState {
    return this.#isReachable ? 'reachable' : 'unreachable'
  }

  stopLooking(): void {
    clearTimeout(this.#looking)
  }

  /**
   * Resolves once the socket is open.
   * Rejects with HandshakeRefused: the relay's own status if it answered, 502 if it could not be reached.
   */
  async dial(settings: DialSettings): Promise<UpstreamSocket> {
    try {
      const connected = await connect(settings)
      this.#reachable()
      return connected
    } catch (error) {
      // The client gave up, so nothing is known about the relay.
      if (settings.gone.aborted) throw error
      if (error instanceof HandshakeRefused && error.status !== BAD_GATEWAY) this.#reachable()
      else this.#unreachable(error)
      throw error
    }
  }

  #reachable(): void {
    if (this.#isReachable) return
    this.#isReachable = true
    this.#log.info({}, 'the upstream relay can be reached again')
    void this.#onReachable()
  }

  #unreachable(error: unknown): void {
    if (this.#isReachable) this.#log.error({ err: error }, 'the upstream relay cannot be reached')
    this.#isReachable = false
  }
}

function listens({ protocol, hostname, port }: URL, timeout: number): Promise<void> {
  const standard = protocol === 'wss:' ? 443 : 80
  return new Promise((resolve, reject) => {
    const socket = connectTcp({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? standard : Number(port),
      timeout,
    }).unref()
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', () => socket.destroy(new Error('no answer')))
    socket.once('error', reject)
  })
}

async function connect(settings: DialSettings): Promise<UpstreamSocket> {
  try {
    return await attempt(settings, settings.protocols).catch((error: Error) => {
      if (error.message !== NO_SUBPROTOCOL) throw error
      return attempt(settings, [])
    })
  } catch (error) {
    if (error instanceof HandshakeRefused) throw error
    // ws throws a SyntaxError for subprotocols that are invalid or repeated.
    if (error instanceof SyntaxError) throw new HandshakeRefused(400, String(error), 'invalid')
    throw new HandshakeRefused(BAD_GATEWAY, String(error), 'relay')
  }
}

function attempt(
  { url, headers, gone }: DialSettings,
  protocols: readonly string[],
): Promise<UpstreamSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [...protocols], {
      headers: headers as Record<string, string>,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
    })
    gone.addEventListener('abort', () => socket.terminate(), { once: true })
    socket.on('error', reject)
    socket.once('unexpected-response', (_request, { statusCode = BAD_GATEWAY }) => {
      const status = statusCode < 400 ? BAD_GATEWAY : statusCode
      reject(
        new HandshakeRefused(status, `the relay refused the handshake with status ${statusCode}`, 'relay'),
      )
      socket.terminate()
    })
    socket.once('upgrade', ({ socket: stream }) => {
      socket.once('open', () => {
        socket.pause()
        socket.removeAllListeners('unexpected-response')
        resolve({ socket, stream })
      })
    })
  })
}
