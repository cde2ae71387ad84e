/** A gateway with a clock that only the test advances, and clients of it. */

import { memoryStore } from '../../adapters/storage/memory.ts'
import type { AuditRecord } from '../../plugin/audit.ts'
import type { Answer, GatewaySession } from '../../plugin/connection.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { ClientMessage, GatewayMessage, RelayMessage, SignedEvent } from '../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { forAnybody } from './anybody.ts'
import { fixOrder } from './delivery-order.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from './key-packages.ts'
import { writtenDown } from './observed.ts'
import type { Person } from './people.ts'
import { verifyEvent } from './signing.ts'

/** The Host header of clients that do not set another. */
export const HOST = 'relay.example.com'

/** Methods that replace those of a store, for tests with one that fails or waits. */
export type StoreChanges = (store: KeyPackageStore) => Partial<KeyPackageStore>

export interface TestGateway {
  readonly gateway: KeyPackageGateway
  readonly store: KeyPackageStore
  /** The log, one JSON string a line. */
  readonly logged: readonly string[]
  /** The audit log; may be emptied. */
  readonly audited: AuditRecord[]
  /** What the observer was told, such as `claimed delivered`; may be emptied. */
  readonly observed: string[]
  /** Seconds since the epoch. */
  now: number
  /** A client at an address of its own, unless one is given. */
  connect(settings?: ClientSettings): TestClient
}

interface ClientSettings {
  readonly address?: string
  readonly host?: string | undefined
  readonly authenticated?: () => Iterable<string>
  readonly send?: (message: RelayMessage) => void
}

/** An answer whose replies have been taken in full. */
interface ReadAnswer extends Answer {
  readonly replies: readonly GatewayMessage[]
}

export interface TestClient {
  readonly session: GatewaySession
  /** Messages that the gateway sent by itself; the first is a challenge. */
  readonly pushed: RelayMessage[]
  /** Resolves when all replies have arrived. */
  say(...message: ClientMessage): Promise<ReadAnswer>
  /** The replies alone. */
  ask(...message: ClientMessage): Promise<readonly RelayMessage[]>
  /** Authenticates with the gateway's challenge. */
  authenticate(person: Person): Promise<readonly RelayMessage[]>
}

/** Without the stranger rule, unless the options name it. */
export function startGateway(options: OptionsInput = {}, changes: StoreChanges = () => ({})): TestGateway {
  const memory = memoryStore()
  fixOrder(memory)
  const store = overlay(memory, changes(memory))
  const logged: string[] = []
  const audited: AuditRecord[] = []
  const observed: string[] = []
  const log = (fields: object, message: string) => logged.push(JSON.stringify({ ...fields, message }))
  let addresses = 0
  const test: TestGateway = {
    now: NOW,
    store,
    logged,
    audited,
    observed,
    gateway: new KeyPackageGateway({
      ...forAnybody(options),
      store,
      verifyEvent,
      clock: () => test.now * 1000,
      log: { info: log, warn: log, error: log },
      audit: (record) => audited.push(record),
      observer: writtenDown(observed),
    }),
    connect(settings = {}) {
      addresses += 1
      return connect(test, { address: `192.0.2.${addresses}`, host: HOST, ...settings })
    },
  }
  return test
}

/** A store that delegates to another, except for some methods. */
function overlay(store: KeyPackageStore, changes: Partial<KeyPackageStore>): KeyPackageStore {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(name in changes ? changes : target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function connect(test: TestGateway, settings: ClientSettings & { readonly address: string }): TestClient {
  const { address, host, authenticated, send } = settings
  const pushed: RelayMessage[] = []
  const session = test.gateway.session({
    address,
    ...(host !== undefined && { host }),
    ...(authenticated && { authenticated }),
    send: send ?? ((message) => pushed.push(message)),
  })
  const say = async (...message: ClientMessage) => {
    const answer = await session.fromClient(message)
    return { ...answer, replies: await allOf(answer.replies) }
  }
  const ask = async (...message: ClientMessage) => (await say(...message)).replies
  return {
    session,
    pushed,
    say,
    ask,
    authenticate: (person) =>
      ask('AUTH', authEvent(person, { challenge: challengeIn(pushed), createdAt: test.now })),
  }
}

/** Takes every reply at once, as a client does that reads. */
export async function allOf(replies: Answer['replies']): Promise<readonly GatewayMessage[]> {
  const all: GatewayMessage[] = []
  for await (const reply of replies) all.push(reply)
  return all
}

/** The challenge of a client's AUTH message. */
export function challengeIn(messages: readonly RelayMessage[]): string {
  return String(messages.find(([verb]) => verb === 'AUTH')?.[1])
}

export interface AuthSettings {
  readonly challenge: string
  readonly relay?: string
  readonly createdAt?: number
  readonly kind?: number
}

/** An AUTH event (NIP-42). */
export function authEvent(
  { secretKey }: Person,
  { challenge, relay = `wss://${HOST}`, createdAt = NOW, kind = 22242 }: AuthSettings,
): SignedEvent {
  const tags = [
    ['relay', relay],
    ['challenge', challenge],
  ]
  return signEvent(secretKey, { kind, created_at: createdAt, tags, content: '' })
}

/** Real key packages of one author, the oldest first, a second apart; a gateway delivers them in this order. */
export function keyPackagesOf(author: Person, count: number): Promise<SignedEvent[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) =>
      keyPackageEvent(author, await makeKeyPackage(author), {
        createdAt: NOW - count + index,
        place: { index, of: count },
      }),
    ),
  )
}

/** Has an author publish real key packages. */
export async function stock({ gateway }: TestGateway, author: Person, count: number): Promise<SignedEvent[]> {
  const events = await keyPackagesOf(author, count)
  for (const event of events) {
    const { accepted, message } = await gateway.publish(event)
    if (!accepted) throw new Error(message)
  }
  return events
}

/** A filter for the key packages of some authors. */
export function keyPackagesBy(...authors: readonly Person[]): { kinds: number[]; authors: string[] } {
  return { kinds: [443], authors: authors.map(({ pubkey }) => pubkey) }
}

/** The ids of the events among the replies. */
export function idsIn(replies: readonly RelayMessage[]): string[] {
  return eventsIn(replies).map(({ id }) => id)
}

export function eventsIn(replies: readonly RelayMessage[]): SignedEvent[] {
  return replies.flatMap(([verb, , event]) => (verb === 'EVENT' ? [event as SignedEvent] : []))
}

/** The replies that are not events. */
export function wordsIn(replies: readonly RelayMessage[]): RelayMessage[] {
  return replies.filter(([verb]) => verb !== 'EVENT')
}
