/** A Nostr client that sends raw messages over a real WebSocket and waits for their answers. */

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'
import type { RelayMessage, SignedEvent } from '../../plugin/nostr/messages.ts'
import { authEvent } from './gateway.ts'
import type { Person } from './people.ts'

/** How long an answer may take before a test gives up, in milliseconds. What goes well does not wait for it. */
const TIMEOUT_MS = 20_000

/** What came for a REQ, up to its end. */
export interface Reply {
  readonly events: readonly SignedEvent[]
  readonly notices: readonly string[]
  /** Why the relay closed the subscription, instead of its EOSE or right after it. */
  readonly closed: string | undefined
}

export class Client {
  readonly url: string
  readonly socket: WebSocket
  /** Resolves with the close code once the connection has ended. */
  readonly ended: Promise<number>
  readonly #messages: RelayMessage[] = []
  #stream: Socket | undefined
  #taken = 0
  #fences = 0
  #wake: () => void = () => {}

  private constructor(url: string, options: ClientOptions) {
    this.url = url
    this.socket = new WebSocket(url, options)
    this.ended = new Promise((resolve) => this.socket.once('close', resolve))
    this.socket.once('upgrade', ({ socket }: IncomingMessage) => {
      this.#stream = socket
    })
    this.socket.on('message', (data) => {
      this.#messages.push(JSON.parse(String(data)) as RelayMessage)
      this.#wake()
    })
    this.socket.on('close', () => this.#wake())
    this.socket.on('error', () => this.#wake())
  }

  /** Rejects if the server does not accept the connection. */
  static async connect(url: string, options: ClientOptions = {}): Promise<Client> {
    const client = new Client(url, options)
    await once(client.socket, 'open')
    return client
  }

  /** The same, and takes the challenge with which the gateway meets everybody: what comes next answers the client. */
  static async greeted(url: string, options: ClientOptions = {}): Promise<Client> {
    const client = await Client.connect(url, options)
    await client.until('AUTH')
    return client
  }

  /** The connection below the WebSocket. */
  get stream(): Socket {
    if (this.#stream === undefined) throw new Error('it is not connected')
    return this.#stream
  }

  /** Each message is a frame of its own. */
  send(...messages: readonly (readonly unknown[])[]): void {
    for (const message of messages) this.sendRaw(JSON.stringify(message))
  }

  /** A string is a text frame, bytes are a binary one. */
  sendRaw(data: string | Uint8Array): void {
    this.socket.send(data)
  }

  /** What `action` sends arrives in one piece. */
  together(action: () => void): void {
    this.stream.cork()
    action()
    this.stream.uncork()
  }

  close(): Promise<number> {
    this.socket.close()
    return this.ended
  }

  /** Cuts the connection without a close frame. */
  cut(): Promise<number> {
    this.stream.resetAndDestroy()
    return this.ended
  }

  /** All messages received so far. */
  get history(): readonly RelayMessage[] {
    return this.#messages
  }

  /** The next message; rejects if the connection ends before it arrives. */
  async next(): Promise<RelayMessage> {
    const [message] = await this.#take('a message', () => true)
    if (message === undefined) throw new Error('there is one')
    return message
  }

  /** Sends one message and returns the next one received. */
  ask(...message: readonly [verb: string, ...rest: unknown[]]): Promise<RelayMessage> {
    this.send(message)
    return this.next()
  }

  /** Everything not taken yet, up to the first message with this verb and, if given, this second element. */
  until(verb: string, subject?: unknown): Promise<RelayMessage[]> {
    return this.#take(
      `${verb} ${subject}`,
      (message) => message[0] === verb && (subject === undefined || message[1] === subject),
    )
  }

  /** The same, up to the first message with one of these verbs. */
  untilAny(...verbs: readonly string[]): Promise<RelayMessage[]> {
    return this.#take(verbs.join(' or '), ([verb]) => verbs.includes(verb))
  }

  /** All that came before the answer to a message sent now: answers come in order, so nothing else is on its way. */
  async rest(): Promise<RelayMessage[]> {
    return (await this.until('EOSE', this.#sendFence())).slice(0, -1)
  }

  #sendFence(): string {
    this.#fences += 1
    const id = `fence ${this.#fences}`
    this.send(['REQ', id, { kinds: [10051], authors: ['0'.repeat(64)] }], ['CLOSE', id])
    return id
  }

  /** The CLOSED of a refused REQ follows its EOSE. Everything else that comes meanwhile stays for later. */
  async #closedAfterEnd(id: string): Promise<RelayMessage[]> {
    const fence = this.#sendFence()
    await this.#pick((message) => isEnd(message, fence), 'a fence')
    const isClosed = ([verb, subject]: RelayMessage) => verb === 'CLOSED' && subject === id
    return this.#messages.slice(this.#taken).some(isClosed) ? [await this.#pick(isClosed, 'CLOSED')] : []
  }

  /** Takes one message out of those not taken yet. */
  async #pick(isMeant: (message: RelayMessage) => boolean, what: string): Promise<RelayMessage> {
    for (let index = this.#taken; ; index++) {
      while (index >= this.#messages.length) await this.#more(what)
      const message = this.#messages[index]
      if (message === undefined || !isMeant(message)) continue
      this.#messages.splice(index, 1)
      return message
    }
  }

  /** The answer to an EVENT. */
  async publish(event: SignedEvent): Promise<[accepted: unknown, message: unknown]> {
    this.send(['EVENT', event])
    const [, , accepted, message] = await this.#last('OK', event.id)
    return [accepted, message]
  }

  /** The answer to a REQ. */
  request(id: string, ...filters: readonly object[]): Promise<Reply> {
    this.send(['REQ', id, ...filters])
    return this.reply(id)
  }

  /** The answer to a REQ that was sent already, up to EOSE or CLOSED, or both. */
  async reply(id: string): Promise<Reply> {
    const messages = await this.#take(`the end of ${id}`, (message) => isEnd(message, id))
    // Slots that rotate are pushed to other subscriptions meanwhile.
    const ofRequest = messages.filter(([, subject]) => subject === id)
    const isEmpty = !ofRequest.some(([verb]) => verb === 'EVENT')
    if (isEmpty && ofRequest.at(-1)?.[0] === 'EOSE') ofRequest.push(...(await this.#closedAfterEnd(id)))
    return {
      events: ofRequest.flatMap(([verb, , event]) => (verb === 'EVENT' ? [event as SignedEvent] : [])),
      notices: messages.flatMap(([verb, text]) => (verb === 'NOTICE' ? [String(text)] : [])),
      closed: ofRequest.flatMap(([verb, , why]) => (verb === 'CLOSED' ? [String(why)] : [])).at(-1),
    }
  }

  /** What follows the subscription id in the answer to a COUNT. */
  async count(id: string, ...filters: readonly object[]): Promise<unknown> {
    this.send(['COUNT', id, ...filters])
    const messages = await this.#take(
      `the count of ${id}`,
      ([verb, subject]) => (verb === 'COUNT' || verb === 'CLOSED') && subject === id,
    )
    return messages.at(-1)?.[2]
  }

  /** The challenge that the relay sent last. */
  async challenge(): Promise<string> {
    while (!this.#messages.some(([verb]) => verb === 'AUTH')) await this.#more('AUTH')
    return String(this.#messages.findLast(([verb]) => verb === 'AUTH')?.[1])
  }

  /** Authenticates as a person (NIP-42) at `now`, in seconds since the epoch; rejects if the relay does not accept it. */
  async authenticate(person: Person, now: number, relay = this.url): Promise<void> {
    const challenge = await this.challenge()
    const event = authEvent(person, { challenge, relay, createdAt: now })
    this.send(['AUTH', event])
    const [, , accepted, message] = await this.#last('OK', event.id)
    if (accepted !== true) throw new Error(`not authenticated: ${message}`)
  }

  async #last(verb: string, subject: unknown): Promise<RelayMessage> {
    return (await this.until(verb, subject)).at(-1) ?? [verb]
  }

  async #take(what: string, isLast: (message: RelayMessage) => boolean): Promise<RelayMessage[]> {
    for (let index = this.#taken; ; index++) {
      while (index >= this.#messages.length) await this.#more(what)
      const message = this.#messages[index]
      if (message === undefined || !isLast(message)) continue
      const messages = this.#messages.slice(this.#taken, index + 1)
      this.#taken = index + 1
      return messages
    }
  }

  #more(what: string): Promise<void> {
    const failure = (why: string) =>
      new Error(`${why} instead of ${what} after ${JSON.stringify(this.#messages.slice(this.#taken))}`)
    if (this.socket.readyState === WebSocket.CLOSED) return Promise.reject(failure('the end'))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(failure('silence')), TIMEOUT_MS)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** Whether a message ends the stored events of a subscription. */
export function isEnd([verb, subject]: RelayMessage, id: string): boolean {
  return (verb === 'EOSE' || verb === 'CLOSED') && subject === id
}
