/** One person's device: its connection from an address of its own, what it has asked, and what comes. It connects when it has something to say. */

import { WebSocket } from 'ws'
import type { EventId, Pubkey, RelayMessage } from '../../../plugin/nostr/messages.ts'
import type { Person } from '../../support/people.ts'
import { signEvent } from '../../support/signing.ts'
import type { Journal } from './journal.ts'
import { type Ended, OpenRequest, type Question } from './open-request.ts'

export interface DeviceSettings {
  readonly url: string
  readonly address: string
  readonly person: Person
  /** Whether it answers a challenge (NIP-42); most do not. */
  readonly answersAuth: boolean
  readonly journal: Journal
  /** Is told what the server asks for by itself: `keypackages:low`. */
  readonly onAsked?: () => void
}

/** What became of an EVENT. */
export interface EventAnswer {
  readonly sentAt: number
  readonly answeredAt: number
  /** `lost`: the connection ended first. */
  readonly outcome: 'accepted' | 'refused' | 'lost'
  readonly message: string
}

interface PendingEvent {
  readonly sentAt: number
  readonly resolve: (answer: EventAnswer) => void
}

/** Requests that are remembered after their end. */
const ENDED = 64
const ENDS: ReadonlySet<unknown> = new Set(['EOSE', 'CLOSED', 'COUNT', 'NEG-MSG', 'NEG-ERR'])
const PACKAGE_KINDS: ReadonlySet<unknown> = new Set([443, 30443])

export class Device {
  readonly settings: DeviceSettings
  #socket: WebSocket | undefined
  #isReady = false
  #isAuthenticated = false
  #challenge: string | undefined
  readonly #waiting: (() => void)[] = []
  readonly #events = new Map<EventId, PendingEvent>()
  readonly #requests = new Map<string, OpenRequest>()
  readonly #ended = new Map<string, OpenRequest>()
  #ids = 0
  #connections = 0
  #hasLeft = false

  constructor(settings: DeviceSettings) {
    this.settings = settings
  }

  get pubkey(): Pubkey {
    return this.settings.person.pubkey
  }

  /** Whose claims quotas count. */
  get requester(): string {
    return this.#isAuthenticated ? this.pubkey : this.settings.address
  }

  /** Sends a whole EVENT message. */
  publish(id: EventId, frame: string): Promise<EventAnswer> {
    return new Promise((resolve) => {
      this.#whenReady(() => {
        this.#events.set(id, { sentAt: performance.now(), resolve })
        this.#send(frame)
      })
    })
  }

  /** Asks a REQ, a COUNT or a NEG-OPEN; resolves at its end. */
  ask(question: Question): Promise<Ended> {
    return new Promise((resolve) => {
      this.#whenReady(() => {
        const id = `${this.#ids++}`
        const { requester } = this
        const { address, journal } = this.settings
        const isStranger = !this.#isAuthenticated
        const asker = { requester, address, isStranger, person: this.pubkey }
        this.#requests.set(id, new OpenRequest(question, asker, journal, resolve))
        this.#send(JSON.stringify([question.verb, id, ...question.filters, ...(question.rest ?? [])]))
      })
    })
  }

  /** Connects and, if it does so at all, authenticates. */
  connect(): Promise<void> {
    return new Promise((resolve) => this.#whenReady(resolve))
  }

  /** Ends the connection without a close frame, as a phone does that loses its network. */
  cut(): void {
    this.#socket?.terminate()
    this.#lose()
  }

  /** The same for good: nothing is sent any more. */
  leave(): void {
    this.#hasLeft = true
    this.cut()
  }

  #whenReady(act: () => void): void {
    if (this.#hasLeft) return
    if (this.#isReady) act()
    else this.#waiting.push(act)
    if (this.#socket === undefined) this.#open()
  }

  #open(): void {
    const { url, address } = this.settings
    const headers = { 'x-forwarded-for': address }
    const socket = new WebSocket(url, { perMessageDeflate: false, headers })
    this.#socket = socket
    this.#connections += 1
    const connection = this.#connections
    const isCurrent = () => connection === this.#connections
    socket.on('open', () => {
      if (isCurrent() && !this.settings.answersAuth) this.#becomeReady()
    })
    socket.on('message', (data) => {
      if (isCurrent()) this.#hear(JSON.parse(String(data)) as RelayMessage)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (isCurrent()) this.#lose()
    })
  }

  #becomeReady(): void {
    this.#isReady = true
    for (const act of this.#waiting.splice(0)) act()
  }

  /** Whatever has not been answered never will be; what was not sent yet is sent on the next connection. */
  #lose(): void {
    this.#connections += 1
    this.#socket = undefined
    this.#isReady = false
    this.#isAuthenticated = false
    this.#challenge = undefined
    const [events, requests] = [[...this.#events.values()], [...this.#requests.values()]]
    for (const kept of [this.#events, this.#requests, this.#ended]) kept.clear()
    for (const { sentAt, resolve } of events)
      resolve({ sentAt, answeredAt: Number.POSITIVE_INFINITY, outcome: 'lost', message: '' })
    for (const request of requests) request.lose()
  }

  #send(frame: string): void {
    this.#socket?.send(frame)
  }

  #hear(message: RelayMessage): void {
    const [verb, subject] = message
    if (verb === 'EVENT') this.#hearEvent(String(subject), message[2])
    else if (verb === 'OK') this.#hearOk(message)
    else if (verb === 'AUTH') this.#hearChallenge(String(subject))
    else if (verb === 'NOTICE') this.#hearNotice(String(subject))
    else if (verb === 'REQ') this.settings.onAsked?.()
    else if (ENDS.has(verb)) this.#hearEnd(message)
  }

  #hearEvent(id: string, event: unknown): void {
    const { id: eventId, pubkey: author, kind } = Object(event)
    if (!PACKAGE_KINDS.has(kind)) return
    if (author === this.pubkey && this.#isAuthenticated) return
    const delivered = { id: eventId, author, kind }
    const request = this.#requests.get(id) ?? this.#ended.get(id)
    const way = 'a subscription that nobody opened'
    if (request !== undefined) request.event(delivered)
    else this.settings.journal.sighted.push({ ...delivered, way, isPush: false, at: performance.now() })
  }

  #hearOk([, id, accepted, message]: RelayMessage): void {
    if (this.#challenge === id) {
      this.#isAuthenticated = accepted === true
      this.#becomeReady()
      return
    }
    this.#read(String(message), 'the answer to an EVENT')
    const pending = this.#events.get(String(id))
    if (pending === undefined) return
    this.#events.delete(String(id))
    const outcome = accepted === true ? 'accepted' : 'refused'
    pending.resolve({
      sentAt: pending.sentAt,
      answeredAt: performance.now(),
      outcome,
      message: String(message),
    })
  }

  #hearNotice(text: string): void {
    this.#read(text, 'a NOTICE')
    for (const request of this.#requests.values()) request.notice(text)
  }

  #hearChallenge(challenge: string): void {
    const { answersAuth, person, url } = this.settings
    if (!answersAuth || this.#challenge !== undefined) return
    const tags = [
      ['relay', url],
      ['challenge', challenge],
    ]
    const created_at = Math.floor(Date.now() / 1000)
    const event = signEvent(person.secretKey, { kind: 22242, created_at, tags, content: '' })
    this.#challenge = event.id
    this.#send(JSON.stringify(['AUTH', event]))
  }

  #hearEnd(message: RelayMessage): void {
    const [verb, subject, why] = message
    const id = String(subject)
    if (verb === 'CLOSED' || verb === 'NEG-ERR') this.#read(String(why), `the reason of ${verb}`)
    const request = this.#requests.get(id) ?? this.#ended.get(id)
    if (request === undefined) return
    request.end(message)
    if (request.staysOpen && verb === 'EOSE') return
    if (this.#requests.delete(id)) this.#keepEnded(id, request)
    if (verb === 'EOSE') this.#send(JSON.stringify(['CLOSE', id]))
    if (verb === 'NEG-MSG') this.#send(JSON.stringify(['NEG-CLOSE', id]))
  }

  /** For what was under way when it ended. */
  #keepEnded(id: string, request: OpenRequest): void {
    this.#ended.set(id, request)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > ENDED && oldest !== undefined) this.#ended.delete(oldest)
  }

  #read(text: string, way: string): void {
    this.settings.journal.readText(text, this.pubkey, way)
  }
}
