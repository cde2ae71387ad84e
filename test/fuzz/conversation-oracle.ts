/**
 * What clients of a gateway have said and seen in a conversation, and what they may see of the packages in its stock: what they
 * claimed or published themselves (I4). Of an author's packages at most one goes to several clients (I1), and one is always left (I2).
 */

import type { ClientMessage, RelayMessage } from '../../plugin/nostr/messages.ts'
import { eventsIn, type TestClient, type TestGateway } from '../support/gateway.ts'
import { alice, bob, carol, STOCKED, UNPUBLISHED } from './cast.ts'
import { demand } from './target.ts'

export const KINDS = [443, 30443]
export const AUTHORS = [alice, bob, carol]

/** A client, and what it may know. */
export interface Known {
  readonly name: string
  readonly client: TestClient
  readonly authenticated: Set<string>
  /** The authors it has asked for by name, in a REQ for key packages. */
  readonly asked: Set<string>
  /** All that was said by it, and by the relay to it. */
  said: string
  /** Nobody reads answers any more. */
  hasLeft: boolean
  /** How many of what the gateway sent by itself were looked at. */
  heard: number
}

export class Conversation {
  readonly test: TestGateway
  readonly clients = new Map<string, Known>()
  /** Who was delivered a one-time package, by its id. */
  readonly delivered = new Map<string, Set<Known>>()
  /** Whether an author may have spent or replaced packages. */
  hasChanged = false
  /** Whether clients wait for each answer. Those that do not may have cancelled a REQ by the next one. */
  readonly pace: 'one by one' | 'together'

  constructor(test: TestGateway, pace: Conversation['pace']) {
    this.test = test
    this.pace = pace
  }

  client(name: string): Known {
    const known = this.clients.get(name)
    if (known !== undefined) return known
    const fresh = {
      name,
      client: this.test.connect(),
      authenticated: new Set<string>(),
      asked: new Set<string>(),
      said: '',
      hasLeft: false,
      heard: 0,
    }
    this.clients.set(name, fresh)
    return fresh
  }
}

export function noteAsked({ asked }: Known, filter: unknown): void {
  if (typeof filter !== 'object' || filter === null) return
  const { kinds, authors } = filter as { kinds?: unknown; authors?: unknown }
  if (!Array.isArray(kinds) || !kinds.some((kind) => KINDS.includes(kind)) || !Array.isArray(authors)) return
  for (const author of authors) asked.add(author)
}

/** The gateway believes an AUTH event; whether it may is the business of another target. */
export function noteAuthenticated(
  { authenticated }: Known,
  [, event]: ClientMessage,
  replies: readonly RelayMessage[],
): void {
  const isAccepted = replies.some(([verb, , accepted]) => verb === 'OK' && accepted === true)
  if (isAccepted) authenticated.add((event as { pubkey: string }).pubkey)
}

export function lookAtPushed(conversation: Conversation, known: Known): void {
  const { pushed } = known.client
  const fresh = pushed.slice(known.heard)
  known.heard = pushed.length
  look(
    conversation,
    known,
    fresh.filter(([verb]) => verb !== 'REQ'),
  )
}

/** I4: nobody sees anything of a package of an author whom they have not claimed from. */
export function look({ delivered }: Conversation, known: Known, shown: readonly RelayMessage[]): void {
  const text = JSON.stringify(shown)
  for (const { id, content, pubkey } of [...STOCKED, ...UNPUBLISHED]) {
    if (known.authenticated.has(pubkey) || known.asked.has(pubkey)) continue
    const isShown = [id, content].some((secret) => text.includes(secret) && !known.said.includes(secret))
    demand(!isShown, 'a package is shown without a claim (I4)', shown, known.said)
  }
  for (const { id, kind } of eventsIn(shown)) {
    if (kind === 443) delivered.set(id, (delivered.get(id) ?? new Set()).add(known))
  }
}

/** I1: of each author, at most one package has gone to several requesters. Owners do not count. */
export function demandOnce({ delivered, hasChanged }: Conversation): void {
  if (hasChanged) return
  for (const { pubkey } of AUTHORS) {
    const shared = STOCKED.filter(({ id, pubkey: author }) => {
      const to = [...(delivered.get(id) ?? [])].filter(({ authenticated }) => !authenticated.has(pubkey))
      return author === pubkey && to.length > 1
    })
    demand(shared.length <= 1, 'two one-time packages went to several requesters (I1)', shared)
  }
}

/** I2: whoever had a package still has one. */
export async function demandStock({ test }: Conversation): Promise<void> {
  for (const { pubkey } of AUTHORS) {
    const left = await test.gateway.ownPackages(pubkey)
    demand(left.length > 0, 'claims have left an author without a package (I2)', pubkey)
  }
}
