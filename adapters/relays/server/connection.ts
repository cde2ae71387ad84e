/** One client's WebSocket: passes its messages to its session in order, and reads no faster than it takes the answers. */

import type { Duplex } from 'node:stream'
import { type RawData, WebSocket } from 'ws'
import type { Answer, Connection, GatewaySession } from '../../../plugin/connection.ts'
import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'
import { addressKey } from '../../../plugin/nostr/requester.ts'
import type { CountBadSignature } from './bad-signatures.ts'
import { type ClientFrame, readFrame } from './client-frame.ts'
import type { ClientLimits } from './client-limits.ts'
import { Inbox } from './inbox.ts'
import type { MessageTurns } from './message-turns.ts'
import { Outbox } from './outbox.ts'
import type { Refused } from './refused.ts'
import type { ClientFrames, Frame, Relay, RelayConnection } from './relay-behind.ts'
import type { ServerOptions } from './server-options.ts'

/** The error of ws for a message that is larger than what is read. */
const TOO_LARGE = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'

/** What a connection needs. */
export interface ConnectionSettings {
  readonly socket: WebSocket
  /** The TCP or TLS connection under the WebSocket. */
  readonly stream: Duplex
  readonly address: string
  /** The Host header of the handshake, if it names this server (`ownHost`). */
  readonly host: string | undefined
  readonly openSession: (connection: Connection) => GatewaySession
  readonly relay: Relay
  readonly options: ServerOptions
  readonly limits: ClientLimits
  readonly turns: MessageTurns
  /** Called for each wrong signature. */
  readonly countBadSignature: CountBadSignature
  readonly refused: Refused
  /** Called with errors that the client did not cause. */
  readonly report: (error: unknown) => void
}

export class ClientConnection {
  readonly #socket: WebSocket
  readonly #inbox: Inbox
  readonly #outbox: Outbox
  readonly #options: ServerOptions
  readonly #maxMessageBytes: number
  readonly #refused: Refused
  readonly #report: (error: unknown) => void
  readonly #session: GatewaySession
  readonly #relay: RelayConnection
  #pending = 0
  #onRest: () => void = () => {}
  #tail: Promise<void> = Promise.resolve()
  #isDraining = false
  #isAlive = true
  #silentSeconds = 0

  constructor(settings: ConnectionSettings) {
    // Destructured: a closure over `settings` would keep the request alive.
    const { socket, stream, address, host, openSession, relay, options, limits, turns, report } = settings
    const { countBadSignature } = settings
    const { maxMessageBytes, maxSubscriptions } = limits
    this.#socket = socket
    this.#options = options
    this.#maxMessageBytes = maxMessageBytes
    this.#refused = settings.refused
    this.#report = report
    const key = addressKey(address)
    this.#outbox = new Outbox({ socket, stream, turns, address: key, onFlushed: () => this.#flushed() })
    this.#inbox = new Inbox({
      socket,
      turns,
      address: key,
      maxPending: options.maxPendingMessages,
      handle: (frame) => this.#handle(frame),
    })
    this.#relay = relay.connect({
      send: (message) => this.#push(() => this.#pass(message)),
      pass: (frame, message) => this.#passFrame(frame, message),
      frames: this.#outbox.takesFrames ? this.#frames() : undefined,
      close: (code, reason) => this.#socket.close(code, reason),
    })
    this.#session = openSession({
      address,
      ...(host !== undefined && { host }),
      maxBufferedBytes: options.maxBufferedBytes,
      ...(maxSubscriptions !== undefined && { maxSubscriptions }),
      onTooManySubscriptions: () => this.#refused.count('subscriptions'),
      onBadSignature: async () => {
        if ((await countBadSignature()) === 'tolerated') return
        this.#refused.count('signatures')
        this.cutOff('too many wrong signatures')
      },
      send: (message) => this.#push(() => this.#outbox.send([message])),
    })
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    socket.on('pong', () => {
      this.#isAlive = true
    })
    // ws closes the socket itself, with the status code of RFC 6455.
    socket.on('error', (error) => {
      if ('code' in error && error.code === TOO_LARGE) this.#refused.count('size')
    })
    socket.on('close', () => {
      this.#inbox.close()
      this.#session.close()
      this.#relay.close()
      this.#outbox.close()
      this.#onRest()
    })
  }

  /**
   * Disconnects a client that has shown no activity since the last call, or has sent nothing for too long. Pings others.
   */
  heartbeat(): void {
    const { pingIntervalSeconds, idleSeconds } = this.#options
    this.#silentSeconds += pingIntervalSeconds
    this.#relay.heartbeat?.()
    if (!this.#isAlive && !this.#isWaitingForUs()) {
      this.#cutOffSilent()
    } else if (idleSeconds > 0 && this.#silentSeconds > idleSeconds) {
      this.#socket.close(1000, 'idle')
    } else {
      this.#isAlive = false
      this.#socket.ping()
    }
  }

  /** Answers the messages received so far, ignores new ones, then closes with 1001. */
  async drain(): Promise<void> {
    this.#isDraining = true
    await this.#rest()
    await this.#relay.allAnswered?.()
    this.#socket.close(1001, 'the relay is stopping')
  }

  /** Disconnects the client at once. One that still reads gets a close frame with the reason (RFC 6455, 1008). */
  cutOff(reason: string): void {
    this.#isDraining = true
    this.#inbox.close()
    this.#socket.close(1008, reason)
    this.#socket.terminate()
  }

  /** Drops unanswered messages and closes at once. A client that still reads gets the close frame. */
  terminate(): void {
    this.#socket.close(1001, 'the relay is stopping')
    this.#socket.terminate()
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#isDraining) return
    this.#isAlive = true
    this.#silentSeconds = 0
    const isFirst = this.#pending === 0 && this.#inbox.isEmpty
    const mayPass = isFirst && !isBinary && (data as Buffer).length <= this.#maxMessageBytes
    if (mayPass && this.#relay.pass?.(data as Buffer) === true) return
    this.#inbox.add(isBinary ? 'binary' : (data as Buffer))
  }

  /** Answers a message whose turn it is. */
  #handle(frame: ClientFrame): void {
    const answered = once(() => this.#inbox.answered())
    const content = readFrame(frame, this.#maxMessageBytes)
    if (frame.length > this.#maxMessageBytes) this.#refused.count('size')
    const step =
      content.outcome === 'refused'
        ? () => this.#outbox.send(content.replies)
        : this.#answer(content.message, answered)
    this.#enqueue(() => step().finally(answered))
  }

  /** Passes the message to the session at once, which keeps the order. The returned step sends the answer. */
  #answer(message: ClientMessage, answered: () => void): () => Promise<void> {
    const answer = this.#session.fromClient(message)
    return () => this.#deliver(answer, answered)
  }

  async #deliver(pending: Promise<Answer>, answered: () => void): Promise<void> {
    const { replies, forward, unsent } = await pending
    if (!Array.isArray(replies)) answered()
    if (this.#socket.readyState !== WebSocket.OPEN) await unsent?.()
    else await this.#outbox.reply(replies)
    if (forward === undefined) return
    for (const message of await this.#relay.handle(forward)) await this.#pass(message)
  }

  /** Resolves once everything that was received is answered, or cannot be. */
  #rest(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRest = resolve
      if (this.#pending === 0 && this.#inbox.isEmpty) resolve()
    })
  }

  /** Sends a message of the relay, as far as this client may see it. */
  async #pass(message: RelayMessage): Promise<void> {
    const visible = this.#session.fromRelay(message)
    if (visible !== undefined) await this.#outbox.send([visible])
  }

  /** The same, but at once, and with the relay's original bytes if the session does not change the message. */
  #passFrame(frame: Frame, message: RelayMessage): void {
    const visible = this.#session.fromRelay(message)
    if (visible === undefined) return
    this.#pauseRelay()
    this.#outbox.pass(visible === message ? frame : JSON.stringify(visible))
  }

  #frames(): ClientFrames {
    return {
      shows: (message) => this.#session.fromRelay(message) === message,
      pass: (frames) => {
        this.#pauseRelay()
        this.#outbox.passFrames(frames)
      },
    }
  }

  #pauseRelay(): void {
    if (this.#socket.bufferedAmount >= this.#options.maxBufferedBytes) this.#relay.pause?.()
  }

  #flushed(): void {
    this.#isAlive = true
    if (this.#socket.bufferedAmount < this.#options.maxBufferedBytes) this.#relay.resume?.()
  }

  /** Queues a message that is not an answer. A client that does not read is disconnected, so that the queue stays bounded. */
  #push(step: () => Promise<void>): void {
    if (this.#pending < 2 * this.#options.maxPendingMessages) this.#enqueue(step)
    else this.#socket.terminate()
  }

  /** Runs a step after all earlier ones. Stops reading from the client while too many steps wait. */
  #enqueue(step: () => Promise<void>): void {
    this.#pending += 1
    this.#inbox.pending = this.#pending
    this.#tail = this.#tail
      .then(step)
      .catch(this.#report)
      .finally(() => {
        this.#pending -= 1
        this.#inbox.pending = this.#pending
        if (this.#pending === 0 && this.#inbox.isEmpty) this.#onRest()
      })
  }

  /** Disconnects the client. One that does not read gets a close frame with the reason, in case it reads again. */
  #cutOffSilent(): void {
    const isStuck = this.#socket.bufferedAmount > 0 && this.#socket.readyState === WebSocket.OPEN
    if (isStuck) this.#socket.close(1008, 'too slow: nothing was read for too long')
    else this.#socket.terminate()
  }

  /** Whether the silence is our doing: we have paused reading, and the client has read everything. */
  #isWaitingForUs(): boolean {
    return this.#socket.isPaused && this.#socket.bufferedAmount === 0
  }
}

function once(call: () => void): () => void {
  let isCalled = false
  return () => {
    if (!isCalled) call()
    isCalled = true
  }
}
