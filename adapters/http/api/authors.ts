/** What is asked about one author over HTTP: how many packages, which only they are told, and where their relay lists say they are. */

import { RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import { kindOf } from '../../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import type { ApiSettings } from './api-settings.ts'
import { pubkeysOf } from './caller.ts'
import { describe, type TypedApp } from './document.ts'
import { ExchangeSession } from './exchange-session.ts'
import { publicationIn } from './publishing.ts'
import { closedIn, refusalIn, refuse } from './refusals.ts'
import {
  authorParams,
  countQuerySchema,
  countSchema,
  publicationSchema,
  relayListBodySchema,
  relayListsSchema,
} from './schemas.ts'

const common = { tag: 'authors' } as const

export function authorRoutes(app: TypedApp, { gateway, relayLists }: ApiSettings): void {
  app.route({
    method: 'GET',
    url: '/authors/:pubkey/count',
    config: { authentication: 'required' },
    schema: {
      ...describe({
        ...common,
        id: 'countKeyPackages',
        summary: 'How many key packages an author has',
        text: 'Only the author is told, as with COUNT (NIP-45).',
        authentication: 'required',
        refusals: [400, 401, 403, 429, 503],
      }),
      params: authorParams,
      querystring: countQuerySchema,
      response: { 200: countSchema },
    },
    handler: async (request, reply) => {
      const { kind } = request.query
      const session = new ExchangeSession({
        gateway,
        address: request.address,
        authenticated: pubkeysOf(request),
        response: reply.raw,
      })
      try {
        const kinds = kind === undefined ? gateway.options.kinds : [Number(kind)]
        const filter = { kinds, authors: [request.params.pubkey] }
        const { replies } = await session.ask('COUNT', 'count', filter)
        const refused = closedIn(replies)
        if (refused !== undefined) throw refusalIn(refused)
        const [count] = replies.flatMap((answer) => (answer[0] === 'COUNT' ? [answer[2].count] : []))
        if (count === undefined) throw new Refusal('invalid', `this gateway does not handle kind ${kind}`)
        return { count }
      } finally {
        session.close()
      }
    },
  })
  app.route({
    method: 'GET',
    url: '/authors/:pubkey/relay-lists',
    config: { authentication: 'ignored' },
    schema: {
      ...describe({
        ...common,
        id: 'readRelayLists',
        summary: 'Where an author says that their key packages and their inbox are',
        text: 'The newest of kinds 10051, 10002 and 10050. With a relay behind the gateway, they are there.',
        authentication: 'ignored',
        refusals: [400, 429, 501, 503],
      }),
      params: authorParams,
      response: { 200: relayListsSchema },
    },
    handler: async (request) => {
      const filter = { kinds: RELAY_LIST_KINDS, authors: [request.params.pubkey] }
      const replies = await relay()(['REQ', 'lists', filter])
      const [closed] = replies.filter(([verb]) => verb === 'CLOSED')
      if (closed !== undefined) throw refusalIn(String(closed[2]))
      return {
        events: replies.flatMap(([verb, , event]) => (verb === 'EVENT' ? [event as SignedEvent] : [])),
      }
    },
  })
  app.route({
    method: 'POST',
    url: '/relay-lists',
    config: { authentication: 'optional' },
    schema: {
      ...describe({
        ...common,
        id: 'publishRelayList',
        summary: 'Publish a relay list',
        text: 'Kinds 10051, 10002 and 10050. With a relay behind the gateway, publish it there.',
        authentication: 'optional',
        refusals: [400, 403, 408, 413, 415, 429, 501, 503],
      }),
      body: relayListBodySchema,
      response: { 200: publicationSchema },
    },
    handler: async (request, reply) => {
      const keep = relay()
      const { event } = request.body
      if (!RELAY_LIST_KINDS.some((kind) => kind === kindOf(event)))
        throw new Refusal(
          'invalid',
          `only relay lists (kinds ${RELAY_LIST_KINDS.join(', ')}) are published here`,
        )
      const session = new ExchangeSession({
        gateway,
        address: request.address,
        authenticated: pubkeysOf(request),
        response: reply.raw,
      })
      try {
        const { replies, forward } = await session.ask('EVENT', event)
        const publication = publicationIn(forward === undefined ? replies : await keep(forward), event)
        if (!publication.accepted) throw refusalIn(publication.message)
        return publication
      } finally {
        session.close()
      }
    },
  })

  function relay(): NonNullable<ApiSettings['relayLists']> {
    if (relayLists !== undefined) return relayLists
    throw refuse(
      501,
      'restricted',
      'relay lists are kept by the relay behind this gateway; use its WebSocket',
    )
  }
}
