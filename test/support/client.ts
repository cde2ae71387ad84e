/** A Nostr client of the tests: says exactly what it is told to, and hears everything, in order. */

import { once } from 'node:events'
import { type ClientOptions, WebSocket } from 'ws'
import type { RelayMessage, SignedEvent } from '../../plugin/nostr/messages.ts'
import { NOW, signEvent } from './key-packages.ts'
import type { Person } from './people.ts'

export class Client {
  readonly url: string
  readonly socket: WebSocket
  /** Of the AUTH message that came first. */
  challenge = ''
  readonly #heard: RelayMessage[] = []
  #wake: () => void = () => undefined

  private constructor(url: string, options: ClientOptions) {
    this.url = url
    this.socket = new WebSocket(url, options)
    this.socket.on('message', (data) => {
      this.#heard.push(JSON.parse(String(data)) as RelayMessage)
      this.#wake()
    })
    this.socket.on('close', () => this.#wake())
  }

  /** Connects and hears the challenge; rejects where the server does not take the connection. */
  static async connect(url: string, options: ClientOptions = {}): Promise<Client> {
    const client = new Client(url, options)
    await once(client.socket, 'open')
    const [, challenge] = await client.next()
    client.challenge = String(challenge)
    return client
  }

  say(...message: readonly [verb: string, ...rest: unknown[]]): void {
    this.socket.send(JSON.stringify(message))
  }

  /** The next message; rejects where the socket closes before it comes. */
  async next(): Promise<RelayMessage> {
    for (;;) {
      const message = this.#heard.shift()
      if (message !== undefined) return message
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('the socket is closed')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Says it, and hears what comes first. */
  ask(...message: readonly [verb: string, ...rest: unknown[]]): Promise<RelayMessage> {
    this.say(...message)
    return this.next()
  }

  /** Everything from now on up to the first message with one of the verbs. */
  async until(...verbs: readonly string[]): Promise<RelayMessage[]> {
    const messages: RelayMessage[] = []
    for (;;) {
      const message = await this.next()
      messages.push(message)
      if (verbs.includes(message[0])) return messages
    }
  }

  /** Answers the challenge as somebody (NIP-42); resolves with the relay's OK. */
  authenticate({ secretKey }: Person, createdAt = NOW): Promise<RelayMessage> {
    return this.ask('AUTH', authEvent(secretKey, this.url, this.challenge, createdAt))
  }

  /** The code the socket is closed with. */
  async closed(): Promise<number> {
    const [code] = (await once(this.socket, 'close')) as [number]
    return code
  }

  close(): void {
    this.socket.close()
  }
}

export function authEvent(
  secretKey: Uint8Array,
  relay: string,
  challenge: string,
  createdAt = NOW,
): SignedEvent {
  const tags = [
    ['relay', relay],
    ['challenge', challenge],
  ]
  return signEvent(secretKey, { kind: 22242, created_at: createdAt, tags, content: '' })
}
