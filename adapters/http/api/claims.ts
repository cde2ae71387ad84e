/** Claiming over HTTP: what became of each author, and their packages while they are taken, as a REQ would have them. */

import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { AuthorClaim } from '../../../plugin/connection.ts'
import { parseRefusal } from '../../../plugin/nostr/machine-readable.ts'
import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import type { ApiSettings } from './api-settings.ts'
import { pubkeysOf } from './caller.ts'
import { describe, type TypedApp } from './document.ts'
import { type Exchanged, inSession } from './exchange-session.ts'
import { throwIfClosed } from './refusals.ts'
import { claimBodySchema, claimedSchema } from './schemas.ts'

export function claimRoutes(app: TypedApp, { gateway }: ApiSettings): void {
  app.route({
    method: 'POST',
    url: '/claims',
    config: { authentication: 'optional' },
    schema: {
      ...describe({
        id: 'claimKeyPackages',
        tag: 'key packages',
        summary: 'Claim key packages of others',
        text:
          'One claim of each author, as a REQ makes it: slots if there are any, else a one-time package, which is then used up. ' +
          'Sign the request (NIP-98) to be known to those who follow you, and to get the same packages again if you ask again ' +
          'within a minute. Without a signature the requester is the network address. If no author could be answered, the ' +
          'status is 429 or 503; if some could not, the header Retry-After says when the others can be asked for again.',
        authentication: 'optional',
        refusals: [400, 403, 408, 413, 415, 429, 503],
      }),
      body: claimBodySchema,
      response: { 200: claimedSchema },
    },
    handler: async (request, reply) => {
      const authenticated = pubkeysOf(request)
      const { options } = gateway
      const { authors, kinds = options.kinds, limit, encoding } = request.body
      if (authors.some((author) => authenticated.includes(author)))
        throw new Refusal('invalid', 'your own key packages are not claimed; they are at /packages')
      const unknown = kinds.find((kind) => !options.kinds.includes(kind))
      if (unknown !== undefined) throw new Refusal('invalid', `this gateway does not handle kind ${unknown}`)
      const filter = {
        kinds,
        authors,
        ...(limit !== undefined && { limit }),
        ...(encoding !== undefined && { '#f': [encoding] }),
      }
      return inSession(gateway, request, reply, async (session) => {
        const answer = await session.ask('REQ', 'claim', filter)
        // Releases what can no longer be sent (I1).
        if (session.isGone) {
          await answer.unsent?.()
          return reply.hijack()
        }
        throwIfClosed(answer.replies)
        const wait = longestWait(answer.claims)
        if (wait !== undefined) reply.header('retry-after', `${wait}`)
        sendJson(reply, pieces(new Set(authors), answer))
        return reply
      })
    },
  })
}

/** Takes a reply whose type does not name its schema: a stream is sent in its place. */
function sendJson(reply: Pick<FastifyReply, 'type' | 'send'>, text: Iterable<string>): void {
  reply.type('application/json').send(Readable.from(text))
}

/** The answer as JSON text, author by author: all of it at once would be in memory twice (I9). */
function* pieces(authors: ReadonlySet<Pubkey>, { replies, claims = [] }: Exchanged): Generator<string> {
  const outcomes = new Map(claims.map((claim) => [claim.author, claim]))
  const events = eventsByAuthor(replies)
  let separator = ''
  yield '{"results":['
  for (const author of authors) {
    const claim = outcomes.get(author) ?? { author, outcome: 'none' as const }
    const delivered = claim.outcome === 'delivered' && { events: events.get(author) ?? [] }
    yield `${separator}${JSON.stringify({ ...claim, ...delivered })}`
    separator = ','
  }
  yield `],"notices":${JSON.stringify(noticesIn(replies))}}`
}

function eventsByAuthor(replies: Exchanged['replies']): ReadonlyMap<Pubkey, SignedEvent[]> {
  const byAuthor = new Map<Pubkey, SignedEvent[]>()
  for (const reply of replies) {
    if (reply[0] !== 'EVENT') continue
    const [, , event] = reply
    const events = byAuthor.get(event.pubkey)
    if (events === undefined) byAuthor.set(event.pubkey, [event])
    else events.push(event)
  }
  return byAuthor
}

/** What the results do not say themselves. */
function noticesIn(replies: Exchanged['replies']): string[] {
  const notices = replies.flatMap((reply) => (reply[0] === 'NOTICE' ? [reply[1]] : []))
  return notices.filter((notice) => !['rate-limited', 'error'].includes(parseRefusal(notice).prefix))
}

/** When all authors that a quota left out can be asked for again. */
function longestWait(claims: readonly AuthorClaim[] = []): number | undefined {
  const waits = claims.flatMap((claim) => (claim.outcome === 'limited' ? [claim.retryAfterSeconds] : []))
  return waits.length === 0 ? undefined : Math.max(...waits)
}
