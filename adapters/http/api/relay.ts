/** What the relay keeps for everybody to read, over HTTP: relay lists, and what it says about itself (NIP-11). */

import { RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import { kindOf } from '../../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import type { ApiSettings } from './api-settings.ts'
import { describe, type TypedApp } from './document.ts'
import { inSession } from './exchange-session.ts'
import { publicationIn } from './publishing.ts'
import { fromStore, refusalIn, refuse, throwIfClosed } from './refusals.ts'
import {
  authorParams,
  informationSchema,
  publicationSchema,
  relayListBodySchema,
  relayListsSchema,
} from './schemas.ts'

const common = { tag: 'authors' } as const

export function relayRoutes(app: TypedApp, settings: ApiSettings): void {
  const { gateway, relayLists, information, log } = settings
  app.route({
    method: 'GET',
    url: '/information',
    config: { authentication: 'ignored' },
    schema: {
      ...describe({
        id: 'readInformation',
        tag: 'relay',
        summary: 'What the relay says about itself: name, limits, kinds',
        text: 'The relay information document (NIP-11), with `key_packages` of this gateway.',
        authentication: 'ignored',
        refusals: [429, 503],
      }),
      response: { 200: informationSchema },
    },
    handler: async () => ({ ...(await fromStore(log, information)) }),
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
      throwIfClosed(replies)
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
      return inSession(gateway, request, reply, async (session) => {
        const { replies, forward } = await session.ask('EVENT', event)
        const publication = publicationIn(forward === undefined ? replies : await keep(forward), event)
        if (!publication.accepted) throw refusalIn(publication.message)
        return publication
      })
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
