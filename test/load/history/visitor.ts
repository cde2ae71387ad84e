/** A client of a round: connects to one of the gateways, again when it loses the connection, and notes what it saw. */

import { once } from 'node:events'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { addressKey } from '../../../plugin/nostr/requester.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import type { Person } from '../../support/people.ts'
import { oneOf, type Random } from './choices.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { PUBLIC_URL } from './terms.ts'

/** A gateway may take some seconds to run again. */
const RECONNECT_MS = 60_000

export interface VisitorSettings {
  readonly name: string
  readonly gateways: readonly GatewayProcess[]
  readonly random: Random
  /** The network address that a trusted proxy would name. */
  readonly address: string
  /** It authenticates as this person, each time it connects. */
  readonly as?: Person
}

/** When something was asked, and what came. */
export interface Asked<Answer> {
  readonly invokedAt: number
  readonly answeredAt: number
  /** Of its gateway's clock. `until`: the end, by the clock of the tests in milliseconds, for what was not answered. */
  secondsUntil(until: number): number[]
  /** Undefined if the connection was lost. */
  readonly answer: Answer | undefined
  readonly connection: VisitorConnection
}

/** One connection of a visitor. */
export interface VisitorConnection {
  readonly client: Client
  readonly gateway: GatewayProcess
  /** No other connection has this name. */
  readonly name: string
}

let connections = 0

export class Visitor {
  readonly name: string
  readonly as: Person | undefined
  readonly #settings: VisitorSettings
  #connection: VisitorConnection | undefined
  #requests = 0

  constructor(settings: VisitorSettings) {
    this.name = settings.name
    this.as = settings.as
    this.#settings = settings
  }

  /** As quotas count it. */
  get address(): string {
    return addressKey(this.#settings.address)
  }

  /** An id for the next subscription. */
  subscription(): string {
    this.#requests += 1
    return `${this.name} ${this.#requests}`
  }

  async ask<Answer>(question: (client: Client) => Promise<Answer>): Promise<Asked<Answer>> {
    const connection = await this.connect()
    const { gateway, client } = connection
    const invokedAt = performance.now()
    const fromMs = Date.now()
    try {
      const answer = await question(client)
      const untilMs = Date.now()
      const answeredAt = performance.now()
      return {
        invokedAt,
        answeredAt,
        secondsUntil: () => gateway.secondsBetween(fromMs, untilMs),
        answer,
        connection,
      }
    } catch {
      this.#connection = undefined
      client.socket.terminate()
      return {
        invokedAt,
        answeredAt: Number.POSITIVE_INFINITY,
        secondsUntil: (until) => gateway.secondsBetween(fromMs, until),
        answer: undefined,
        connection,
      }
    }
  }

  /** The answer to an EVENT. */
  publish(event: SignedEvent): Promise<Asked<{ readonly accepted: unknown; readonly why: string }>> {
    return this.ask(async (client) => {
      const [accepted, why] = await client.publish(event)
      return { accepted, why: String(why) }
    })
  }

  async connect(): Promise<VisitorConnection> {
    if (this.#connection?.client.socket.readyState === 1) return this.#connection
    const { name } = this
    const connected = await eventually(`${name} is connected`, () => this.#orCrash(), RECONNECT_MS)
    if (typeof connected === 'string') throw new Error(connected)
    this.#connection = connected
    return connected
  }

  /** Without a close frame. */
  cut(): void {
    const client = this.#connection?.client
    if (client?.socket.readyState === 1) void client.cut()
  }

  /**
   * Sends a message and has left before it is answered, which takes a store that does not answer. The gateway has read the message,
   * and knows that nobody is there, when this resolves: it answers a ping only after both.
   */
  async sendAndLeave(message: readonly unknown[]): Promise<Asked<never>> {
    const connection = await this.connect()
    const { client, gateway } = connection
    const invokedAt = performance.now()
    const fromMs = Date.now()
    client.send(message)
    await pinged(client)
    this.cut()
    await client.ended
    const again = await Client.connect(gateway.url)
    await pinged(again)
    await again.close()
    return {
      invokedAt,
      answeredAt: Number.POSITIVE_INFINITY,
      secondsUntil: (until) => gateway.secondsBetween(fromMs, until),
      answer: undefined,
      connection,
    }
  }

  async close(): Promise<void> {
    const client = this.#connection?.client
    this.#connection = undefined
    if (client !== undefined && client.socket.readyState <= 1) await client.close()
  }

  async #orCrash(): Promise<VisitorConnection | string> {
    const crash = this.#settings.gateways.find((gateway) => gateway.crash !== undefined)?.crash
    return crash ?? this.#tryToConnect()
  }

  async #tryToConnect(): Promise<VisitorConnection> {
    const { gateways, random, address, as } = this.#settings
    const gateway = oneOf(random, gateways)
    const client = await Client.greeted(gateway.url, { headers: { 'x-forwarded-for': address } })
    try {
      if (as !== undefined)
        await client.authenticate(as, Math.floor(Date.now() / 1000) + gateway.ahead, PUBLIC_URL)
    } catch (error) {
      client.socket.terminate()
      throw error
    }
    connections += 1
    return { client, gateway, name: `connection ${connections}` }
  }
}

async function pinged({ socket }: Client): Promise<void> {
  socket.ping()
  await once(socket, 'pong')
}
