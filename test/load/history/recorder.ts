/** Turns what visitors do, and what they are answered, into the operations of a history. */

import { splitFilters } from '../../../plugin/nostr/filters.ts'
import type { EventId, Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { planQuery } from '../../../plugin/request/plan.ts'
import { isForSlotsAlone } from '../../../plugin/stock/selection.ts'
import type { Claim, PutOutcome } from '../../../plugin/store.ts'
import type { Client, Reply } from '../../support/client.ts'
import type { Author, Made, MadeDeletion } from './author.ts'
import type { Claiming, Operation } from './operation.ts'
import type { NamedTerms } from './terms.ts'
import type { Asked, Visitor } from './visitor.ts'

/** The outcomes that an answer to an EVENT may stand for, by how it begins. */
const PUT_ANSWERS: readonly (readonly [begins: string, outcomes: readonly PutOutcome[]])[] = [
  ['duplicate: already received', ['duplicate', 'spent', 'stale']],
  ['duplicate: already have', ['duplicate']],
  ['duplicate: this key package is published as', ['duplicate']],
  ['duplicate: this key package was already used', ['spent']],
  ['duplicate: a newer key package', ['stale']],
  ['blocked: deleted by its author', ['deleted']],
  ['blocked: no room', ['full']],
  ['rate-limited: ', ['limited']],
]

type Draft = Omit<Operation, 'seconds'> & { readonly seconds: (until: number) => readonly number[] }

export class Recorder {
  readonly #terms: NamedTerms
  readonly #drafts: Draft[] = []
  /** Called when an operation begins. */
  onBegun: () => void = () => {}

  constructor(terms: NamedTerms) {
    this.#terms = terms
  }

  async publish(visitor: Visitor, author: Author, { event, pkg }: Made): Promise<void> {
    this.onBegun()
    const asked = await visitor.publish(event)
    const answer =
      asked.answer === undefined ? 'unknown' : putOutcomes(asked.answer.accepted === true, asked.answer.why)
    const sentBy = visitor.as?.pubkey === author.person.pubkey ? 'author' : 'others'
    this.#note({
      ...attemptOf(visitor, author.person.pubkey, asked, answer),
      do: 'publish',
      pkg,
      sentBy,
      answer,
    })
  }

  async delete(visitor: Visitor, author: Author, { event, deletion }: MadeDeletion): Promise<void> {
    this.onBegun()
    const asked = await visitor.publish(event)
    const answer = deletionAnswer(asked.answer)
    this.#note({ ...attemptOf(visitor, author.person.pubkey, asked, answer), do: 'delete', deletion, answer })
  }

  /** One REQ for packages of these authors. */
  async claim(
    visitor: Visitor,
    authors: readonly Pubkey[],
    { kinds, limit }: { readonly kinds: readonly number[]; readonly limit?: number },
  ): Promise<void> {
    this.onBegun()
    const id = visitor.subscription()
    const filter = { kinds, authors, ...(limit !== undefined && { limit }) }
    const asked = await visitor.ask(async (client) => {
      const reply = await client.request(id, filter)
      client.send(['CLOSE', id])
      return reply
    })
    const seen = asked.answer?.events ?? eventsFor(id, asked.connection.client)
    for (const claim of this.#claimsOf(visitor, filter, asked.connection.name)) {
      const ids = seen.filter(({ pubkey }) => pubkey === claim.author).map((event) => event.id)
      const answer = claimAnswer(ids, claim, asked.answer, authors.length)
      if (answer === 'unknown' && isForSlotsAlone(claim)) continue
      this.#note({
        ...attemptOf(visitor, claim.author, asked, answer),
        do: 'claim',
        claim,
        answer,
        release: 'possible',
      })
    }
  }

  /** The same for one-time packages, and the visitor has left before anything is claimed: the gateway must release it. */
  async claimAndLeave(visitor: Visitor, authors: readonly Pubkey[]): Promise<void> {
    const filter = { kinds: [443], authors }
    const asked = await visitor.sendAndLeave(['REQ', visitor.subscription(), filter])
    const answer = 'unknown' as const
    for (const claim of this.#claimsOf(visitor, filter, asked.connection.name))
      this.#note({
        ...attemptOf(visitor, claim.author, asked, answer),
        do: 'claim',
        claim,
        answer,
        release: 'owed',
      })
  }

  /** How many packages an owner has. */
  async count(visitor: Visitor, author: Author, kinds: readonly number[]): Promise<void> {
    this.onBegun()
    const asked = await visitor.ask((client) =>
      client.count(visitor.subscription(), { kinds, authors: [author.person.pubkey] }),
    )
    const count = (asked.answer as { readonly count?: unknown } | undefined)?.count
    if (typeof count !== 'number') return
    this.#note({
      ...attemptOf(visitor, author.person.pubkey, asked, count),
      do: 'count',
      kinds,
      answer: count,
    })
  }

  /** What an owner has left. Returns whether it was answered. */
  async list(visitor: Visitor, author: Author): Promise<boolean> {
    const asked = await visitor.ask((client) =>
      client.request(visitor.subscription(), { kinds: [443, 30443], authors: [author.person.pubkey] }),
    )
    if (asked.answer === undefined || asked.answer.closed !== undefined) return false
    const ids = asked.answer.events.map(({ id }) => id)
    this.#note({ ...attemptOf(visitor, author.person.pubkey, asked, ids), do: 'list', answer: ids })
    return true
  }

  /** How many operations of a visitor were not answered. */
  unknownOf({ name }: Visitor): number {
    return this.#drafts.filter(({ by, answeredAt }) => by === name && answeredAt === Number.POSITIVE_INFINITY)
      .length
  }

  /** The history of each author. What was not answered has begun until now, or never does. */
  histories(): Map<Pubkey, readonly Operation[]> {
    const until = Date.now()
    const histories = new Map<Pubkey, Operation[]>()
    for (const draft of this.#drafts) {
      const operation = { ...draft, seconds: draft.seconds(until) } as Operation
      histories.set(draft.author, [...(histories.get(draft.author) ?? []), operation])
    }
    return histories
  }

  #note(draft: Draft & Record<string, unknown>): void {
    this.#drafts.push(draft)
  }

  /** The claims that the REQ makes, as the gateway plans them. */
  #claimsOf(visitor: Visitor, filter: object, connection: string): readonly Claim[] {
    const { options } = this.#terms
    const { asked } = splitFilters([filter], options.kinds)
    const { address, as } = visitor
    const authenticated = new Set(as === undefined ? [] : [as.pubkey])
    const requester = { name: as?.pubkey ?? address, address, networkAddress: address, authenticated }
    return planQuery(asked, requester, options).claims.map((claim) => ({
      ...claim,
      // No author of a round has told whom they know.
      standing: 'stranger',
      ...(as === undefined && { recipient: connection }),
    }))
  }
}

/** What came before the connection was lost. */
function eventsFor(id: string, { history }: Client): SignedEvent[] {
  return history.flatMap(([verb, subject, event]) =>
    verb === 'EVENT' && subject === id ? [event as SignedEvent] : [],
  )
}

function attemptOf(visitor: Visitor, author: Pubkey, asked: Asked<unknown>, answer: unknown) {
  const answeredAt = answer === 'unknown' ? Number.POSITIVE_INFINITY : asked.answeredAt
  const { invokedAt, secondsUntil } = asked
  return { author, by: visitor.name, invokedAt, answeredAt, seconds: secondsUntil }
}

function putOutcomes(accepted: boolean, why: string): readonly PutOutcome[] | 'unknown' {
  if (accepted && why === '') return ['stored', 'replaced']
  if (why.startsWith('error: ')) return 'unknown'
  const [, outcomes] = PUT_ANSWERS.find(([begins]) => why.startsWith(begins)) ?? []
  if (outcomes !== undefined) return outcomes
  if (/^blocked: \d+ of \d+ key packages stored$/.test(why)) return ['full']
  throw new Error(`an EVENT is answered ${JSON.stringify(why)}`)
}

function deletionAnswer(answer: { accepted: unknown; why: string } | undefined) {
  if (answer === undefined || answer.why.startsWith('error: ')) return 'unknown'
  if (answer.accepted === true) return 'deleted'
  if (answer.why.startsWith('rate-limited: too many deletions')) return 'full'
  throw new Error(`a deletion is answered ${JSON.stringify(answer.why)}`)
}

function claimAnswer(
  ids: readonly EventId[],
  claim: Claim,
  reply: Reply | undefined,
  authors: number,
): Claiming['answer'] {
  if (reply === undefined)
    return ids.length > 0 && !isForSlotsAlone(claim) ? { outcome: 'delivered', ids } : 'unknown'
  if (ids.length > 0) return { outcome: 'delivered', ids }
  const told = [...reply.notices, ...(reply.closed === undefined ? [] : [reply.closed])]
  if (told.some((text) => text.startsWith('error: '))) return 'unknown'
  if (!told.some((text) => text.startsWith('rate-limited: '))) {
    if (reply.closed !== undefined) throw new Error(`a REQ is answered ${JSON.stringify(reply.closed)}`)
    return { outcome: 'empty', because: ['none'] }
  }
  return {
    outcome: 'empty',
    because: authors === 1 || reply.closed !== undefined ? ['limited'] : ['none', 'limited'],
  }
}
